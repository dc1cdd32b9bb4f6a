// Finding and executing the command inside the container. The texts are those of Go's os/exec as runc shows them.
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "launch.h"
#include "syscalls.h"

static void refuse(const struct launch *launch, int error, const char *const pieces[]) {
  struct report message = {.kind = REPORT_ERROR, .at_exec = true, .error = error};
  child_text(message.text, sizeof message.text, pieces);
  child_report(launch->report, &message, -1);
  _exit(125);
}

static const char *error_text(int error) {
  switch (error) {
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case EPERM: return "operation not permitted";
    case EISDIR: return "is a directory";
    case ENOTDIR: return "not a directory";
    case ENOEXEC: return "exec format error";
    case E2BIG: return "argument list too long";
    case ELOOP: return "too many levels of symbolic links";
    case ENAMETOOLONG: return "file name too long";
    case ETXTBSY: return "text file busy";
    case ENOMEM: return "cannot allocate memory";
    default: return "cannot execute";
  }
}

// 0 when `path` can be executed by us, else an errno. `*missing` tells a failed stat from a refused one.
static int check_executable(const char *path, bool *missing) {
  struct stat status;
  *missing = stat(path, &status) < 0;
  if (*missing) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if ((status.st_mode & 0111) == 0) return EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? EACCES : 0;
}

static bool find_in_path(const struct launch *launch, const char *name, char *found, size_t size) {
  const char *list = "";
  for (size_t i = 0; i < launch->spec->env.count; i++) {
    if (strncmp(launch->spec->env.items[i], "PATH=", 5) == 0) list = launch->spec->env.items[i] + 5;
  }
  while (*list != '\0') {
    size_t length = strcspn(list, ":");
    char directory[PATH_MAX];
    bool missing;
    if (length > 0 && length < sizeof directory) {
      memcpy(directory, list, length);
      directory[length] = '\0';
      const char *pieces[] = {directory, "/", name, NULL};
      child_text(found, size, pieces);
      if (check_executable(found, &missing) == 0) return true;
    }
    list += length + (list[length] == ':' ? 1 : 0);
  }
  return false;
}

void child_execute(const struct launch *launch) {
  char found[PATH_MAX];
  const char *name = launch->spec->args.items[0];
  bool missing = false;
  if (strchr(name, '/') == NULL) {
    const char *pieces[] = {"exec: \"", name, "\": executable file not found in $PATH", NULL};
    if (!find_in_path(launch, name, found, sizeof found)) refuse(launch, ENOENT, pieces);
  } else {
    const char *copy[] = {name, NULL};
    child_text(found, sizeof found, copy);
    int error = check_executable(found, &missing);
    const char *pieces[] = {
        "exec: \"",        name, missing ? "\": stat " : "\": ", missing ? name : "", missing ? ": " : "",
        error_text(error), NULL};
    if (error != 0) refuse(launch, error, pieces);
  }
  execve(found, launch->spec->args.items, launch->spec->env.items);
  const char *pieces[] = {"exec ", found, ": ", error_text(errno), NULL};
  refuse(launch, errno, pieces);
}

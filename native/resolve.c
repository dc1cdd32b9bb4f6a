// Paths that a container can influence, resolved below a directory without leaving it.
#include "resolve.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "syscalls.h"

enum { MAX_LINKS = 40 };

struct walk {
  int root;
  const struct resolve_options *options;
  char done[PATH_MAX];  // resolved so far, free of links, "." when nothing
  char rest[PATH_MAX];  // still to do
  char part[NAME_MAX + 1];
  int links;
};

static int open_with(int root, const char *path, int flags, unsigned long long resolve) {
  struct open_how how = {.flags = (unsigned long long)(flags | O_CLOEXEC), .resolve = resolve};
  for (int attempt = 0; attempt < 32; attempt++) {
    int fd = sys_openat2(root, path, &how);
    // EAGAIN: somebody renamed within the tree at that moment.
    if (fd >= 0 || errno != EAGAIN) return fd;
  }
  return -1;
}

int open_in_root(int root, const char *path, int flags) {
  return open_with(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

// Moves the next part of `rest` to `part`: 1, or 0 at the end, or -1.
static int next_part(struct walk *walk) {
  char *at = walk->rest;
  while (*at == '/') at++;
  size_t length = 0;
  while (at[length] != '\0' && at[length] != '/') length++;
  if (length == 0) return 0;
  if (length > NAME_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(walk->part, at, length);
  walk->part[length] = '\0';
  memmove(walk->rest, at + length, strlen(at + length) + 1);
  return 1;
}

static int append_part(char *path, const char *part) {
  size_t length = strcmp(path, ".") == 0 ? 0 : strlen(path);
  size_t added = strlen(part);
  if (length + added + 2 > PATH_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (length > 0) path[length++] = '/';
  memcpy(path + length, part, added + 1);
  return 0;
}

static int go_up(struct walk *walk) {
  char *slash = strrchr(walk->done, '/');
  if (slash != NULL) *slash = '\0';
  else if (strcmp(walk->done, ".") != 0) strcpy(walk->done, ".");
  else if (walk->options->beneath) {
    errno = EXDEV;
    return -1;
  }
  return 0;
}

static int follow_link(struct walk *walk, int link_fd) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(link_fd, "", target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = '\0';
  if (++walk->links > MAX_LINKS) {
    errno = ELOOP;
    return -1;
  }
  if (target[0] == '/') {
    if (walk->options->beneath) {
      errno = EXDEV;
      return -1;
    }
    strcpy(walk->done, ".");
  }
  size_t rest = strlen(walk->rest);
  if ((size_t)length + rest + 2 > sizeof walk->rest) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memmove(walk->rest + length + 1, walk->rest, rest + 1);
  memcpy(walk->rest, target, (size_t)length);
  walk->rest[length] = '/';
  return 0;
}

static bool at_end(const struct walk *walk) { return walk->rest[strspn(walk->rest, "/")] == '\0'; }

static int make_part(struct walk *walk) {
  int parent = open_with(walk->root, walk->done, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (parent < 0) return -1;
  int result;
  if (walk->options->last_is_file && at_end(walk)) {
    result = openat(parent, walk->part, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);
    if (result >= 0) result = close(result);
  } else {
    result = mkdirat(parent, walk->part, walk->options->mode);
  }
  if (result < 0 && errno == EEXIST) result = 0;
  int error = errno;
  close(parent);
  errno = error;
  return result;
}

// One step: leaves an O_PATH descriptor of `done`/`part`, which may be a link.
static int open_part(struct walk *walk, const char *candidate) {
  const unsigned long long resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = open_with(walk->root, candidate, O_PATH | O_NOFOLLOW, resolve);
  if (fd >= 0 || errno != ENOENT || !walk->options->create) return fd;
  if (make_part(walk) < 0) return -1;
  return open_with(walk->root, candidate, O_PATH | O_NOFOLLOW, resolve);
}

static int take_step(struct walk *walk) {
  if (strcmp(walk->part, ".") == 0) return 0;
  if (strcmp(walk->part, "..") == 0) return go_up(walk);
  char candidate[PATH_MAX];
  strcpy(candidate, walk->done);
  if (append_part(candidate, walk->part) < 0) return -1;
  int fd = open_part(walk, candidate);
  if (fd < 0) return -1;
  struct stat status;
  int result = fstat(fd, &status);
  if (result == 0 && S_ISLNK(status.st_mode)) result = follow_link(walk, fd);
  else if (result == 0) strcpy(walk->done, candidate);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

int resolve_in_root(int root, const char *path, const struct resolve_options *options) {
  struct walk walk = {.root = root, .options = options, .done = "."};
  if (strlen(path) >= sizeof walk.rest) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(walk.rest, path);
  int more;
  while ((more = next_part(&walk)) > 0) {
    if (take_step(&walk) < 0) return -1;
  }
  if (more < 0) return -1;
  return open_with(root, walk.done, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

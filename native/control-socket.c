// The control socket's file: any path length, replacing a dead one, never a live one.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "connection.h"
#include "syscalls.h"

static int open_directory(const char *path, char **name) {
  const char *slash = strrchr(path, '/');
  *name = copy_string(slash == NULL ? path : slash + 1);
  char *directory = slash == NULL   ? copy_string(".")
                    : slash == path ? copy_string("/")
                                    : strndup(path, (size_t)(slash - path));
  int fd = directory == NULL ? -1 : open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  free(directory);
  return fd;
}

static int fill_address(const struct monitor *monitor, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", monitor->socket_directory,
                        monitor->socket_name);
  return length < (int)sizeof address->sun_path ? 0 : -1;
}

static bool is_live(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool live = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
  close(fd);
  return live;
}

bool control_is_live(const char *path) {
  struct monitor probe = {0};
  struct sockaddr_un address;
  probe.socket_directory = open_directory(path, &probe.socket_name);
  bool live = probe.socket_directory >= 0 && fill_address(&probe, &address) == 0 && is_live(&address);
  if (probe.socket_directory >= 0) close(probe.socket_directory);
  free(probe.socket_name);
  return live;
}

int control_listen(struct monitor *monitor, const char *path, struct failure *failure) {
  struct sockaddr_un address;
  monitor->socket_directory = open_directory(path, &monitor->socket_name);
  if (monitor->socket_directory < 0) return fail_errno(failure, "open the directory of socket %s", path);
  if (fill_address(monitor, &address) < 0) return fail(failure, "InvalidRequest", "the socket's file name is too long");
  if (is_live(&address)) return fail(failure, "AlreadyExists", "socket %s is served by another monitor", path);
  struct stat status;
  bool stale = fstatat(monitor->socket_directory, monitor->socket_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(status.st_mode);
  if (stale) unlinkat(monitor->socket_directory, monitor->socket_name, 0);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(failure, "create socket");
  mode_t mask = umask(0177);
  int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (result < 0 || listen(fd, 128) < 0) {
    fail_errno(failure, "listen on %s", path);
    close(fd);
    return -1;
  }
  control_accept_from(monitor, fd);
  return 0;
}

void control_close(struct monitor *monitor) {
  event_loop_close(&monitor->loop, &monitor->listener);
  if (monitor->socket_name != NULL) unlinkat(monitor->socket_directory, monitor->socket_name, 0);
}

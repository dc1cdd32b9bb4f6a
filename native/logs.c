// A container's log file in CRI's format. Like containerd (pkg/cri/io/logger.go), an unfinished last line is partial.
#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event-loop.h"
#include "json.h"

enum { MAX_LINE = 16 * 1024 };

static int open_file(const char *path, struct failure *failure) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0640);
  struct stat status;
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return fd;
  if (fd >= 0) {
    close(fd);
    errno = EINVAL;
  }
  return fail_errno(failure, "open log %s", path);
}

int log_open(struct log_file *log, const char *path, struct failure *failure) {
  *log = (struct log_file){.fd = -1};
  if (path == NULL) return 0;
  log->fd = open_file(path, failure);
  if (log->fd < 0) return -1;
  log->path = copy_string(path);
  return 0;
}

int log_reopen(struct log_file *log, const char *path, struct failure *failure) {
  if (log->path == NULL) return fail(failure, "InvalidRequest", "the container has no log");
  if (log->fd < 0) return 0;
  int fd = open_file(path == NULL ? log->path : path, failure);
  if (fd < 0) return -1;
  close(log->fd);
  log->fd = fd;
  if (path != NULL) {
    char *copy = copy_string(path);
    free(log->path);
    log->path = copy;
  }
  return 0;
}

static void compose(struct log_file *log, int stream, const char *time, const char *tag) {
  buffer_text(&log->out, time);
  buffer_text(&log->out, stream == 0 ? " stdout " : " stderr ");
  buffer_text(&log->out, tag);
  buffer_append(&log->out, log->partial[stream].data, log->partial[stream].length);
  buffer_append(&log->out, "\n", 1);
  log->partial[stream].length = 0;
}

static void flush(struct log_file *log) {
  size_t done = 0;
  while (done < log->out.length) {
    ssize_t written = write(log->fd, log->out.data + done, log->out.length - done);
    if (written < 0 && errno == EINTR) continue;
    // A full disk must not stop the container: these lines are lost.
    if (written <= 0) break;
    done += (size_t)written;
  }
  buffer_consume(&log->out, log->out.length);
}

void log_write(struct log_file *log, int stream, const char *bytes, size_t length) {
  if (log->fd < 0) return;
  char time[64];
  format_time(wall_clock(), time, sizeof time);
  struct buffer *partial = &log->partial[stream];
  while (length > 0) {
    const char *newline = memchr(bytes, '\n', length);
    size_t part = newline == NULL ? length : (size_t)(newline - bytes);
    size_t room = MAX_LINE - partial->length;
    bool too_long = part > room;
    if (too_long) part = room;
    buffer_append(partial, bytes, part);
    bytes += part;
    length -= part;
    if (too_long) {
      compose(log, stream, time, "P ");
    } else if (newline != NULL) {
      compose(log, stream, time, "F ");
      bytes++;
      length--;
    }
  }
  flush(log);
}

void log_finish(struct log_file *log) {
  if (log->fd < 0) return;
  char time[64];
  format_time(wall_clock(), time, sizeof time);
  for (int stream = 0; stream < 2; stream++) {
    if (log->partial[stream].length > 0) compose(log, stream, time, "P ");
  }
  flush(log);
  close(log->fd);
  log->fd = -1;
}

void log_close(struct log_file *log) {
  if (log->fd >= 0) close(log->fd);
  for (int stream = 0; stream < 2; stream++) buffer_free(&log->partial[stream]);
  buffer_free(&log->out);
  free(log->path);
  *log = (struct log_file){.fd = -1};
}

// A container's log file in CRI's format.
#ifndef NOCHER_LOGS_H
#define NOCHER_LOGS_H

#include <stddef.h>

#include "failure.h"
#include "memory.h"

struct log_file {
  int fd;                    // -1: no log
  char *path;                // NULL: no log
  struct buffer partial[2];  // a line's beginning, of stdout and stderr
  struct buffer out;         // composed here, written once
};

int log_open(struct log_file *log, const char *path, struct failure *failure);
// `path` NULL: the same one again. Does nothing after log_finish.
int log_reopen(struct log_file *log, const char *path, struct failure *failure);
void log_write(struct log_file *log, int stream, const char *bytes, size_t length);
// Writes what has no newline yet and closes the file; `path` stays.
void log_finish(struct log_file *log);
void log_close(struct log_file *log);
#endif

// What went wrong, as the protocol reports it.
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct failure *failure, const char *code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  failure->code = code;
  failure->error = 0;
  return -1;
}

int fail_errno(struct failure *failure, const char *format, ...) {
  int error = errno;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  size_t used = strlen(failure->message);
  snprintf(failure->message + used, sizeof failure->message - used, ": %s", strerror(error));
  failure->code = "Failed";
  failure->error = error;
  errno = error;
  return -1;
}

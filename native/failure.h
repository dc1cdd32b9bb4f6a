// What went wrong, as the protocol reports it.
#ifndef NOCHER_FAILURE_H
#define NOCHER_FAILURE_H

struct failure {
  const char *code;   // one of README's codes, a constant
  const char *stage;  // "prepare", "setup", "exec" or NULL, a constant
  int error;          // errno or 0
  char message[1024];
};

// Both fill `failure` and return -1, so that callers write `return fail(...)`. The second adds strerror(errno) and
// keeps errno.
__attribute__((format(printf, 3, 4))) int fail(struct failure *failure, const char *code, const char *format, ...);
__attribute__((format(printf, 2, 3))) int fail_errno(struct failure *failure, const char *format, ...);
#endif

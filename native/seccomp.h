// System call filters: the runtime's default allow-list or an OCI profile, assembled to BPF.
#ifndef NOCHER_SECCOMP_H
#define NOCHER_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "json.h"

// One line of the table: a system call, and the capabilities that allow it (0: always). `known` only lends its name to
// profiles.
struct syscall_entry {
  const char *name;
  int number;
  uint64_t capabilities;
  bool listed;
};
extern const struct syscall_entry SYSCALLS[];
extern const int SYSCALL_COUNT;

struct seccomp_filter {
  struct sock_filter *instructions;  // NULL: unconfined
  unsigned short count;
};

// `profile` is a JSON string or object as README says, or NULL. `bounding` decides about calls that a capability
// guards.
int seccomp_build(const struct json *profile, uint64_t bounding, struct seccomp_filter *filter,
                  struct strings *warnings, struct failure *failure);
void seccomp_free(struct seccomp_filter *filter);
// In the child, async-signal-safe.
int seccomp_install(const struct seccomp_filter *filter);
#endif

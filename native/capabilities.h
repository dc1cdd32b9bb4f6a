// Capability sets: names to bits, the default of containerd, and putting them on the calling process.
#ifndef NOCHER_CAPABILITIES_H
#define NOCHER_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "json.h"

struct capabilities {
  uint64_t bounding;
  uint64_t permitted;
  uint64_t effective;
  uint64_t inheritable;
  uint64_t ambient;
};

uint64_t capability_default(void);
// What the calling process may hand on: its permitted set within its bounding set.
uint64_t capability_available(void);
bool capability_in(uint64_t set, int capability);
// Reads the five lists; a missing one of the first three is `fallback`. Bits outside `available` are taken out and told
// in a warning.
int capabilities_read(const struct json *object, uint64_t fallback, struct capabilities *result,
                      struct failure *failure);
// Takes out what is not available; true when something was asked for that is not.
bool capabilities_restrict(struct capabilities *sets, uint64_t available);

// In the child, async-signal-safe: the bounding set goes before the user changes, the others after it.
int capabilities_drop_bounding(uint64_t bounding);
int capabilities_apply(const struct capabilities *sets);
#endif

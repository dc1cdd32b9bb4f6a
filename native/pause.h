// PID 1 of the pod: made by pause_child in a fresh clone, then executed anew as `pause_main` so that no memory of the
// monitor stays.
#ifndef NOCHER_PAUSE_H
#define NOCHER_PAUSE_H

#include <stdint.h>

#include "cgroup.h"

struct pause_plan {
  const char *hostname;
  const char *domainname;
  char shm_size[32];
  char oom_score[16];  // "" when not set
  struct cgroup_entry cgroup;
  int executable;
  int report;
};

_Noreturn void pause_child(const struct pause_plan *plan);
_Noreturn void pause_main(void);
#endif

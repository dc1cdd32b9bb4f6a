// From a request's JSON to a process_spec.
#ifndef NOCHER_PROCESS_SPEC_H
#define NOCHER_PROCESS_SPEC_H

#include "launch.h"

// `root` is the container's root for looking up users. Codes are InvalidRequest or StartFailed.
int process_spec_read(const struct json *container, int root, struct process_spec *spec, struct strings *warnings,
                      struct failure *failure);
// A process of `exec`: the container's spec with the request's command, environment, directory, user and terminal over
// it.
int process_spec_derive(const struct process_spec *base, const struct json *container, const struct json *request,
                        int root, struct process_spec *spec, struct strings *warnings, struct failure *failure);
void process_spec_free(struct process_spec *spec);
#endif

// Clients attached to a container.
#ifndef NOCHER_STREAMS_H
#define NOCHER_STREAMS_H

#include "container.h"

void attachments_output(struct container *container, int stream, const char *bytes, size_t length);
// The container takes input again.
void attachments_input_drained(struct container *container);
// Sends the exit frame to all and lets them go.
void attachments_exited(struct container *container);
// The exit frame's payload.
void write_exit(struct buffer *out, const struct process *process, bool timed_out);
#endif

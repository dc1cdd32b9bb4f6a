// Requests whose answer comes when a container exits (`wait`, `remove`).
#ifndef NOCHER_WAITERS_H
#define NOCHER_WAITERS_H

#include "container.h"

void waiter_add(struct container *container, struct connection *connection, int64_t request, bool removes);
// Answers all; when one of them asked for removal the container is freed.
void waiters_container_exited(struct container *container);
// Answers all that are left with NotFound.
void waiters_container_gone(struct container *container);
void waiters_connection_gone(struct connection *connection);
#endif

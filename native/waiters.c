// Requests whose answer comes when a container exits.
#include "waiters.h"

#include <stdlib.h>

struct waiter {
  struct waiter *next;
  struct connection *connection;  // NULL: it has gone
  int64_t request;
  bool removes;
};

void waiter_add(struct container *container, struct connection *connection, int64_t request, bool removes) {
  struct waiter *waiter = allocate(1, sizeof *waiter);
  *waiter = (struct waiter){container->waiters, connection, request, removes};
  container->waiters = waiter;
  connection->pending++;
}

static struct waiter *take(struct container *container) {
  struct waiter *waiter = container->waiters;
  if (waiter == NULL) return NULL;
  container->waiters = waiter->next;
  if (waiter->connection != NULL) waiter->connection->pending--;
  return waiter;
}

// Removals are answered when the container has gone.
void waiters_container_exited(struct container *container) {
  struct waiter *removals = NULL;
  struct waiter *waiter;
  struct buffer text = {0};
  container_write(container, &text);
  buffer_append(&text, "", 1);
  while ((waiter = take(container)) != NULL) {
    if (waiter->removes) {
      waiter->next = removals;
      removals = waiter;
      continue;
    }
    if (waiter->connection != NULL) answer_result(waiter->connection, waiter->request, text.data);
    free(waiter);
  }
  buffer_free(&text);
  if (removals == NULL) return;
  container_remove(container);
  while ((waiter = removals) != NULL) {
    removals = waiter->next;
    if (waiter->connection != NULL) answer_result(waiter->connection, waiter->request, "{}");
    free(waiter);
  }
}

void waiters_container_gone(struct container *container) {
  struct waiter *waiter;
  struct failure failure = {0};
  fail(&failure, "NotFound", "container \"%s\" not found", container->id == NULL ? "" : container->id);
  while ((waiter = take(container)) != NULL) {
    if (waiter->connection != NULL && waiter->removes) answer_result(waiter->connection, waiter->request, "{}");
    else if (waiter->connection != NULL) answer_failure(waiter->connection, waiter->request, &failure);
    free(waiter);
  }
}

void waiters_connection_gone(struct connection *connection) {
  for (struct container *container = connection->monitor->containers; container != NULL; container = container->next) {
    if (container->starter == connection) container->starter = NULL;
    for (struct waiter *waiter = container->waiters; waiter != NULL; waiter = waiter->next) {
      if (waiter->connection == connection) waiter->connection = NULL;
    }
  }
}

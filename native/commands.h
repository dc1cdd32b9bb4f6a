// The commands of the control protocol. One table, one function each.
#ifndef NOCHER_COMMANDS_H
#define NOCHER_COMMANDS_H

#include "connection.h"

struct request {
  struct monitor *monitor;
  struct connection *connection;
  struct json *document;  // a command that keeps it sets it to NULL
  int64_t id;
  struct buffer result;                    // an object's JSON; empty means {}
  bool deferred;                           // the command answers itself, later
  void (*after)(struct request *request);  // runs when the answer has been queued
};

// Returns 0, or -1 with a failure.
struct command {
  const char *name;
  int (*run)(struct request *request, struct failure *failure);
};
extern const struct command COMMANDS[];  // ends with a NULL name

int exec_command(struct request *request, struct failure *failure);
int attach_command(struct request *request, struct failure *failure);
int dial_command(struct request *request, struct failure *failure);
// The container that the request names, or NULL with NotFound; with `running` also NotRunning.
struct container *request_container(const struct request *request, bool running, struct failure *failure);
#endif

// One container of the pod, from the start request to its removal.
#ifndef NOCHER_CONTAINER_H
#define NOCHER_CONTAINER_H

#include "connection.h"
#include "logs.h"
#include "monitor.h"
#include "process.h"

struct attachment;
struct waiter;

struct container {
  struct monitor *monitor;
  struct container *next;
  struct json *document;  // the whole start request; owns the strings
  const struct json *config;
  const char *id;
  const char *metadata;
  struct process_spec spec;
  struct process process;
  struct log_file log;
  struct strings warnings;
  char *cgroup;
  bool has_stdin;
  bool stdin_once;
  int64_t oom_kills;
  struct event_source oom;
  struct attachment *attachments;
  struct waiter *waiters;
  struct connection *starter;  // waits for the start's answer
  int64_t starter_request;
};

struct container *container_find(const struct monitor *monitor, const char *id);
bool container_running(const struct container *container);
// Takes ownership of `document`, also when it fails. The answer goes to `connection` once execve succeeded or failed.
int container_start(struct monitor *monitor, struct json *document, struct connection *connection, int64_t request,
                    struct failure *failure);
// Looks for memory kills and tells them; called by the monitor's housekeeping.
void container_check_oom(struct container *container);
// SIGKILL to everything in it.
void container_kill(struct container *container);
// Forgets it and removes its cgroup; it must not be running.
void container_free(struct container *container);
// The same, with a `removed` event.
void container_remove(struct container *container);
void container_write(const struct container *container, struct buffer *out);
// What `join` of exec needs.
void container_fill_launch(const struct container *container, struct launch *launch);
#endif

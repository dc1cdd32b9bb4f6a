// The monitor's state: everything that the control protocol speaks about.
#ifndef NOCHER_MONITOR_H
#define NOCHER_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroup.h"
#include "event-loop.h"
#include "failure.h"
#include "json.h"
#include "network.h"
#include "process.h"

enum pid_mode { PID_CONTAINER, PID_POD, PID_NODE };
enum { EVENT_WINDOW = 256 };

struct sandbox_config {
  struct json *document;  // owns the strings
  const char *id;
  const char *metadata;
  const char *hostname;
  const char *domainname;
  bool own_network;
  bool own_ipc;
  bool own_uts;
  enum pid_mode pid_mode;
  struct network_config network;
  const struct json *sysctls;
  int64_t shm_size;
  int64_t oom_score;
  const char *cgroup_parent;
  const char *cgroup_monitor;  // "" when absent
  struct resources resources;
};

struct sandbox {
  pid_t pid;
  int pidfd;
  bool ready;
  int64_t started_at;
  int host_index;
  struct strings warnings;
};

struct container;
struct connection;

struct monitor {
  struct event_loop loop;
  struct sandbox_config config;
  struct cgroup_host cgroups;
  struct sandbox sandbox;
  int executable;  // of this program, for pause
  struct container *containers;
  struct process *processes;
  struct connection *connections;
  struct event_source listener;
  struct event_source signals;
  struct timer housekeeping;
  char *socket_name;  // within socket_directory
  int socket_directory;
  bool stopping;
  int64_t cursor;              // of the last event
  char *events[EVENT_WINDOW];  // ring, by cursor
};

int sandbox_config_read(struct json *document, struct sandbox_config *config, struct failure *failure);
bool identifier_valid(const char *text);

// Creates pause, cgroups and network (sandbox.c). On failure nothing is left.
int sandbox_create(struct monitor *monitor, struct failure *failure);
// Kills pause and removes what sandbox_create made; all containers must be gone.
void sandbox_destroy(struct monitor *monitor);
// The socket of a process in the pod's network namespace.
int sandbox_socket(const struct monitor *monitor, int family, int type);
void sandbox_write_network(const struct monitor *monitor, struct buffer *out);

void monitor_add_process(struct monitor *monitor, struct process *process);
void monitor_remove_process(struct monitor *monitor, struct process *process);
// Numbers the event, keeps and pushes it. `container` is an object's JSON or NULL.
void monitor_publish(struct monitor *monitor, const char *event, const char *container);
// Looks for memory kills in a moment.
void monitor_check_soon(struct monitor *monitor);
// Kills all containers; the loop stops when they are gone.
void monitor_stop(struct monitor *monitor);
void monitor_check_stopped(struct monitor *monitor);

struct monitor_options {
  const char *socket;
  struct json *config;
  int executable;
};
// The monitor command: forks, prints the answer when the sandbox stands, returns the exit code. The other half never
// returns.
int monitor_main(const struct monitor_options *options);
#endif

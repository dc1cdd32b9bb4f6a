// The commands of the control protocol but for streams.
#include "commands.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "names.h"
#include "syscalls.h"
#include "waiters.h"

struct container *request_container(const struct request *request, bool running, struct failure *failure) {
  const char *id;
  if (json_require_string(request->document, "container", &id, failure) < 0) return NULL;
  struct container *container = container_find(request->monitor, id);
  if (container == NULL) fail(failure, "NotFound", "container \"%s\" not found", id);
  if (container != NULL && running && (!container_running(container) || container->process.reaped)) {
    fail(failure, "NotRunning", "container \"%s\" is not running", id);
    container = NULL;
  }
  return container;
}

static int start_command(struct request *request, struct failure *failure) {
  if (!request->monitor->sandbox.ready || request->monitor->stopping)
    return fail(failure, "SandboxNotReady", "the sandbox is not ready");
  if (json_member(request->document, "container") == NULL)
    return fail(failure, "InvalidRequest", "field \"container\" must be given");
  struct json *document = request->document;
  request->document = NULL;
  request->deferred = true;
  return container_start(request->monitor, document, request->connection, request->id, failure);
}

static int signal_number(const struct json *value) {
  if (value == NULL) return -1;
  if (value->type == JSON_NUMBER) return value->number >= 1 && value->number <= 64 ? (int)value->number : -1;
  if (value->type != JSON_STRING) return -1;
  const char *name = strncmp(value->string, "SIG", 3) == 0 ? value->string + 3 : value->string;
  int base = 0;
  int offset = 0;
  if (sscanf(name, "RTMIN+%d", &offset) == 1) base = 34;
  else if (sscanf(name, "RTMAX-%d", &offset) == 1) base = 64, offset = -offset;
  else if (strcmp(name, "RTMIN") == 0) base = 34;
  else if (strcmp(name, "RTMAX") == 0) base = 64;
  if (base != 0) return base + offset >= 34 && base + offset <= 64 ? base + offset : -1;
  if (isdigit((unsigned char)*name)) return atoi(name) >= 1 && atoi(name) <= 64 ? atoi(name) : -1;
  return signal_named(name);
}

static int signal_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, true, failure);
  if (container == NULL) return -1;
  int signal = signal_number(json_member(request->document, "signal"));
  if (signal < 0) return fail(failure, "InvalidRequest", "field \"signal\" is not a signal");
  if (signal == SIGKILL) {
    container_kill(container);
  } else if (sys_pidfd_send_signal(container->process.pidfd, signal) < 0 && errno != ESRCH) {
    return fail_errno(failure, "send signal");
  }
  return 0;
}

static int resize_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, true, failure);
  int64_t rows = 0;
  int64_t columns = 0;
  if (container == NULL) return -1;
  if (json_read_integer(request->document, "rows", &rows, failure) < 0) return -1;
  if (json_read_integer(request->document, "columns", &columns, failure) < 0) return -1;
  if (!container->process.tty) return fail(failure, "InvalidRequest", "the container has no terminal");
  return process_resize(&container->process, (unsigned short)rows, (unsigned short)columns) < 0
             ? fail_errno(failure, "resize")
             : 0;
}

static void defer(struct request *request, struct container *container, bool removes) {
  request->deferred = true;
  waiter_add(container, request->connection, request->id, removes);
}

static int wait_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, false, failure);
  if (container == NULL) return -1;
  if (container->process.state == PROCESS_FINISHED) container_write(container, &request->result);
  else defer(request, container, false);
  return 0;
}

static int remove_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, false, failure);
  if (container == NULL) return -1;
  if (container->process.state == PROCESS_FINISHED) {
    container_remove(container);
    return 0;
  }
  container_kill(container);
  defer(request, container, true);
  return 0;
}

static int status_command(struct request *request, struct failure *failure) {
  (void)failure;
  const struct monitor *monitor = request->monitor;
  struct buffer *out = &request->result;
  json_open(out, '{');
  json_key(out, "sandbox");
  json_open(out, '{');
  json_put_string(out, "id", monitor->config.id);
  json_put_string(out, "metadata", monitor->config.metadata);
  json_put_string(out, "state", monitor->sandbox.ready && !monitor->stopping ? "Ready" : "NotReady");
  json_put_integer(out, "monitorPid", getpid());
  json_put_integer(out, "pausePid", monitor->sandbox.pid);
  json_put_time(out, "startedAt", monitor->sandbox.started_at);
  sandbox_write_network(monitor, out);
  json_put_string(out, "cgroupMode", cgroup_mode_name(monitor->cgroups.mode));
  json_close(out, '}');
  json_put_integer(out, "cursor", monitor->cursor);
  json_key(out, "containers");
  json_open(out, '[');
  for (const struct container *container = monitor->containers; container != NULL; container = container->next) {
    container_write(container, out);
  }
  json_close(out, ']');
  json_close(out, '}');
  return 0;
}

static void replay(struct request *request) {
  struct monitor *monitor = request->monitor;
  struct connection *connection = request->connection;
  int64_t cursor = monitor->cursor;
  struct failure ignored = {0};
  json_read_integer(request->document, "cursor", &cursor, &ignored);
  connection->watching = true;
  if (cursor < 0 || cursor > monitor->cursor || cursor < monitor->cursor - EVENT_WINDOW) {
    char *text = format_string("{\"version\":1,\"cursor\":%lld,\"event\":\"lagged\"}\n", (long long)monitor->cursor);
    connection_send(connection, text, strlen(text));
    free(text);
    return;
  }
  for (int64_t number = cursor + 1; number <= monitor->cursor; number++) {
    const char *event = monitor->events[number % EVENT_WINDOW];
    connection_send(connection, event, strlen(event));
  }
}

static int watch_command(struct request *request, struct failure *failure) {
  int64_t cursor = 0;
  if (json_read_integer(request->document, "cursor", &cursor, failure) < 0) return -1;
  char *text = format_string("{\"cursor\":%lld}", (long long)request->monitor->cursor);
  buffer_text(&request->result, text);
  free(text);
  request->after = replay;
  return 0;
}

static void write_stats(const struct monitor *monitor, const char *path, const char *id, struct buffer *out) {
  struct cgroup_stats stats;
  cgroup_read_stats(&monitor->cgroups, path, &stats);
  const struct {
    const char *key;
    int64_t value;
  } fields[] = {{"cpuUsageNs", stats.cpu_usage_ns},
                {"memoryUsageBytes", stats.memory_usage},
                {"memoryWorkingSetBytes", stats.memory_working_set},
                {"memoryRssBytes", stats.memory_rss},
                {"memoryPageFaults", stats.page_faults},
                {"memoryMajorPageFaults", stats.major_page_faults},
                {"pids", stats.pids}};
  json_open(out, '{');
  if (id != NULL) json_put_string(out, "id", id);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    json_key(out, fields[i].key);
    if (fields[i].value < 0) json_null(out);
    else json_integer(out, fields[i].value);
  }
  json_close(out, '}');
}

static int stats_command(struct request *request, struct failure *failure) {
  const struct monitor *monitor = request->monitor;
  const struct container *only = NULL;
  struct buffer *out = &request->result;
  if (json_member(request->document, "container") != NULL) {
    only = request_container(request, true, failure);
    if (only == NULL) return -1;
  }
  json_open(out, '{');
  json_put_time(out, "timestamp", wall_clock());
  if (only == NULL) {
    json_key(out, "pod");
    write_stats(monitor, monitor->config.cgroup_parent, NULL, out);
  }
  json_key(out, "containers");
  json_open(out, '[');
  for (const struct container *container = monitor->containers; container != NULL; container = container->next) {
    bool chosen = container_running(container) && (only == NULL || only == container);
    if (chosen) write_stats(monitor, container->cgroup, container->id, out);
  }
  json_close(out, ']');
  json_close(out, '}');
  return 0;
}

static int update_command(struct request *request, struct failure *failure) {
  const char *path = request->monitor->config.cgroup_parent;
  struct resources resources;
  struct strings warnings = {0};
  if (json_member(request->document, "container") != NULL) {
    struct container *container = request_container(request, false, failure);
    if (container == NULL) return -1;
    path = container->cgroup;
  }
  if (resources_read(json_member(request->document, "resources"), &resources, failure) < 0) return -1;
  int result = cgroup_limit(&request->monitor->cgroups, path, &resources, &warnings, failure);
  json_open(&request->result, '{');
  json_put_strings(&request->result, "warnings", &warnings);
  json_close(&request->result, '}');
  strings_free(&warnings);
  return result;
}

static int reopen_log_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, false, failure);
  const char *path = NULL;
  if (container == NULL || json_read_string(request->document, "path", &path, failure) < 0) return -1;
  return log_reopen(&container->log, path, failure);
}

static int shutdown_command(struct request *request, struct failure *failure) {
  (void)failure;
  request->deferred = true;
  request->connection->pending++;
  request->connection->stopping_request = request->id;
  request->connection->stops = true;
  monitor_stop(request->monitor);
  return 0;
}

const struct command COMMANDS[] = {
    {"start", start_command},
    {"exec", exec_command},
    {"attach", attach_command},
    {"dial", dial_command},
    {"signal", signal_command},
    {"resize", resize_command},
    {"wait", wait_command},
    {"remove", remove_command},
    {"status", status_command},
    {"watch", watch_command},
    {"stats", stats_command},
    {"update", update_command},
    {"reopenLog", reopen_log_command},
    {"shutdown", shutdown_command},
    {NULL, NULL},
};

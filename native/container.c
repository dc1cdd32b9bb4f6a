// One container of the pod, from the start request to its removal.
#include "container.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "process-spec.h"
#include "streams.h"
#include "syscalls.h"
#include "waiters.h"

struct container *container_find(const struct monitor *monitor, const char *id) {
  for (struct container *container = monitor->containers; container != NULL; container = container->next) {
    if (strcmp(container->id, id) == 0) return container;
  }
  return NULL;
}

bool container_running(const struct container *container) { return container->process.state == PROCESS_RUNNING; }

void container_write(const struct container *container, struct buffer *out) {
  static const char *const states[] = {"Starting", "Running", "Exited"};
  const struct process *process = &container->process;
  json_open(out, '{');
  json_put_string(out, "id", container->id);
  json_put_string(out, "metadata", container->metadata);
  json_put_string(out, "state", states[process->state]);
  json_put_integer(out, "pid", process->pid);
  json_put_time(out, "startedAt", process->started_at);
  if (process->state == PROCESS_FINISHED) {
    int code = process_exit_code(process);
    bool oom = container->oom_kills > 0 && code != 0;
    json_put_time(out, "finishedAt", process->finished_at);
    json_put_integer(out, "exitCode", code);
    if (process_exit_signal(process) != 0) json_put_integer(out, "signal", process_exit_signal(process));
    json_put_boolean(out, "oomKilled", oom);
    json_put_string(out, "reason", oom ? "OOMKilled" : code == 0 ? "Completed" : "Error");
  }
  json_put_boolean(out, "tty", process->tty);
  json_put_boolean(out, "stdin", container->has_stdin);
  json_put_string(out, "logPath", container->log.path);
  json_close(out, '}');
}

static void publish(struct container *container, const char *event) {
  struct buffer text = {0};
  container_write(container, &text);
  buffer_append(&text, "", 1);
  monitor_publish(container->monitor, event, text.data);
  buffer_free(&text);
}

void container_check_oom(struct container *container) {
  int64_t kills = cgroup_oom_kills(&container->monitor->cgroups, container->cgroup);
  bool more = kills > container->oom_kills;
  container->oom_kills = kills;
  if (more && container_running(container) && !container->process.reaped) publish(container, "oom");
}

static void oom_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct container *container = source->owner;
  char text[1024];
  // Reading rearms both kinds; the file of v2 is read from its start.
  if (container->monitor->cgroups.mode == CGROUP_V2) {
    if (pread(source->fd, text, sizeof text, 0) < 0) event_loop_close(&container->monitor->loop, source);
  } else if (read(source->fd, text, sizeof text) < 0 && errno != EAGAIN) {
    event_loop_close(&container->monitor->loop, source);
  }
  // The kernel may tell before it counts.
  monitor_check_soon(container->monitor);
}

static void watch_oom(struct container *container) {
  uint32_t events = 0;
  container->oom.fd = cgroup_watch_oom(&container->monitor->cgroups, container->cgroup, &events);
  container->oom.ready = oom_ready;
  container->oom.owner = container;
  if (container->oom.fd >= 0) event_loop_add(&container->monitor->loop, &container->oom, events);
}

void container_kill(struct container *container) {
  if (container->process.pidfd >= 0 && !container->process.reaped)
    sys_pidfd_send_signal(container->process.pidfd, SIGKILL);
  cgroup_kill(&container->monitor->cgroups, container->cgroup);
}

static struct container *owner_of(struct process *process) { return process->owner; }

static void on_started(struct process *process) {
  struct container *container = owner_of(process);
  struct buffer out = {0};
  json_open(&out, '{');
  json_put_string(&out, "id", container->id);
  json_put_integer(&out, "pid", process->pid);
  json_put_time(&out, "startedAt", process->started_at);
  json_put_integer(&out, "uid", container->spec.user.uid);
  json_put_integer(&out, "gid", container->spec.user.gid);
  json_key(&out, "groups");
  json_open(&out, '[');
  for (size_t i = 0; i < container->spec.user.group_count; i++) json_integer(&out, container->spec.user.groups[i]);
  json_close(&out, ']');
  for (size_t i = 0; i < process->warnings.count; i++) strings_add(&container->warnings, process->warnings.items[i]);
  json_put_strings(&out, "warnings", &container->warnings);
  buffer_append(&out, "}", 2);
  if (container->starter != NULL) {
    container->starter->pending--;
    answer_result(container->starter, container->starter_request, out.data);
  }
  container->starter = NULL;
  buffer_free(&out);
  if (!process->reaped) watch_oom(container);
  publish(container, "started");
}

static void on_failed(struct process *process, const struct failure *failure) {
  struct container *container = owner_of(process);
  if (container->starter != NULL) {
    container->starter->pending--;
    answer_failure(container->starter, container->starter_request, failure);
  }
  container->starter = NULL;
  container_free(container);
}

static void on_output(struct process *process, int stream, const char *bytes, size_t length) {
  struct container *container = owner_of(process);
  log_write(&container->log, stream, bytes, length);
  attachments_output(container, stream, bytes, length);
}

static void on_reaped(struct process *process) {
  struct container *container = owner_of(process);
  container_check_oom(container);
  event_loop_close(&container->monitor->loop, &container->oom);
  cgroup_kill(&container->monitor->cgroups, container->cgroup);
}

static void on_finished(struct process *process) {
  struct container *container = owner_of(process);
  struct monitor *monitor = container->monitor;
  log_finish(&container->log);
  attachments_exited(container);
  monitor_remove_process(monitor, process);
  publish(container, "exited");
  waiters_container_exited(container);
  monitor_check_stopped(monitor);
}

static void on_input_drained(struct process *process) { attachments_input_drained(owner_of(process)); }

static const struct process_events container_events = {on_started, on_failed,   on_output,
                                                       on_reaped,  on_finished, on_input_drained};

static int create_cgroup(struct container *container, const struct rootfs_plan *rootfs, bool privileged,
                         struct failure *failure) {
  const struct cgroup_host *host = &container->monitor->cgroups;
  struct resources resources;
  if (resources_read(json_member(container->config, "resources"), &resources, failure) < 0) return -1;
  if (cgroup_create(host, container->cgroup, failure) < 0) return -1;
  if (cgroup_limit(host, container->cgroup, &resources, &container->warnings, failure) < 0) return -1;
  cgroup_oom_as_group(host, container->cgroup);
  if (privileged) return 0;
  struct device_rule *rules = allocate(rootfs->device_count, sizeof *rules);
  for (size_t i = 0; i < rootfs->device_count; i++) rules[i] = device_rule_of(&rootfs->devices[i]);
  int result = cgroup_limit_devices(host, container->cgroup, rules, (int)rootfs->device_count);
  free(rules);
  if (result == 0) return 0;
  // Whoever may make device nodes and is not limited in opening them owns the host's disks.
  capabilities_restrict(&container->spec.capabilities, ~(UINT64_C(1) << 27 /* CAP_MKNOD */));
  strings_add(&container->warnings, "devices cannot be limited on this host: CAP_MKNOD is taken away");
  return 0;
}

void container_fill_launch(const struct container *container, struct launch *launch) {
  const struct monitor *monitor = container->monitor;
  launch->pid_namespace = monitor->config.pid_mode == PID_NODE ? -1 : monitor->sandbox.pidfd;
  cgroup_entry_open(&monitor->cgroups, container->cgroup, &launch->cgroup);
}

static int start_process(struct container *container, struct rootfs_plan *rootfs, struct failure *failure) {
  struct monitor *monitor = container->monitor;
  const struct sandbox_config *config = &monitor->config;
  struct process_streams streams = {container->has_stdin, true, true};
  struct launch launch = {.spec = &container->spec, .rootfs = rootfs, .join_pidfd = monitor->sandbox.pidfd};
  launch.join_flags = CLONE_NEWNS | (config->own_network ? CLONE_NEWNET : 0) | (config->own_ipc ? CLONE_NEWIPC : 0) |
                      (config->own_uts ? CLONE_NEWUTS : 0);
  launch.new_pid_namespace = config->pid_mode == PID_CONTAINER;
  container_fill_launch(container, &launch);
  container->process.loop = &monitor->loop;
  container->process.handler = &container_events;
  container->process.owner = container;
  int result = process_start(&container->process, &launch, &streams, failure);
  cgroup_entry_close(&launch.cgroup);
  if (result == 0) monitor_add_process(monitor, &container->process);
  return result;
}

static int prepare_log(struct container *container, struct failure *failure) {
  const struct json *log = json_member(container->config, "log");
  const char *path = NULL;
  if (log != NULL && json_require_string(log, "path", &path, failure) < 0) return -1;
  return log_open(&container->log, path, failure);
}

static int read_config(struct container *container, struct failure *failure) {
  const struct json *config = container->config;
  container->metadata = "";
  if (json_require_string(config, "id", &container->id, failure) < 0) return -1;
  if (!identifier_valid(container->id) || strcmp(container->id, "sandbox") == 0) {
    return fail(failure, "InvalidRequest", "field \"id\" is not an identifier");
  }
  if (container_find(container->monitor, container->id) != NULL) {
    return fail(failure, "AlreadyExists", "container \"%s\" already exists", container->id);
  }
  container->cgroup = format_string("%s/%s", container->monitor->config.cgroup_parent, container->id);
  if (json_read_string(config, "metadata", &container->metadata, failure) < 0) return -1;
  if (strlen(container->metadata) > 65536) return fail(failure, "InvalidRequest", "field \"metadata\" is too long");
  if (json_read_boolean(config, "stdin", &container->has_stdin, failure) < 0) return -1;
  return json_read_boolean(config, "stdinOnce", &container->stdin_once, failure);
}

static int prepare(struct container *container, struct rootfs_plan *rootfs, struct failure *failure) {
  const struct monitor *monitor = container->monitor;
  bool privileged = false;
  if (json_read_boolean(container->config, "privileged", &privileged, failure) < 0) return -1;
  if (rootfs_prepare(container->config, !monitor->config.own_ipc, rootfs, failure) < 0) return -1;
  if (rootfs_prepare_devices(container->config, privileged, rootfs, failure) < 0) return -1;
  if (process_spec_read(container->config, rootfs->root, &container->spec, &container->warnings, failure) < 0)
    return -1;
  if (create_cgroup(container, rootfs, privileged, failure) < 0 || prepare_log(container, failure) < 0) return -1;
  rootfs_add_cgroups(rootfs, &monitor->cgroups, container->cgroup);
  return 0;
}

static struct container *container_new(struct monitor *monitor, struct json *document) {
  struct container *container = allocate(1, sizeof *container);
  container->monitor = monitor;
  container->document = document;
  container->config = json_member(document, "container");
  container->log.fd = -1;
  container->oom.fd = -1;
  container->process.pidfd = container->process.report.fd = container->process.input.fd = -1;
  container->process.output[0].fd = container->process.output[1].fd = container->process.drain.source.fd = -1;
  return container;
}

int container_start(struct monitor *monitor, struct json *document, struct connection *connection, int64_t request,
                    struct failure *failure) {
  struct rootfs_plan rootfs = {.root = -1, .shm = -1};
  struct container *container = container_new(monitor, document);
  int result = read_config(container, failure);
  if (result < 0) {
    // Not yet ours: the id may belong to another one, whose cgroup must stay.
    free(container->cgroup);
    container->cgroup = NULL;
  }
  if (result == 0) result = prepare(container, &rootfs, failure);
  if (result == 0) result = start_process(container, &rootfs, failure);
  rootfs_plan_free(&rootfs);
  if (result < 0) {
    if (strcmp(failure->code, "Failed") == 0) failure->code = "StartFailed";
    if (strcmp(failure->code, "StartFailed") == 0 && failure->stage == NULL) failure->stage = "prepare";
    container_free(container);
    return -1;
  }
  container->starter = connection;
  container->starter_request = request;
  connection->pending++;
  container->next = monitor->containers;
  monitor->containers = container;
  return 0;
}

void container_free(struct container *container) {
  struct monitor *monitor = container->monitor;
  for (struct container **link = &monitor->containers; *link != NULL; link = &(*link)->next) {
    if (*link != container) continue;
    *link = container->next;
    break;
  }
  monitor_remove_process(monitor, &container->process);
  waiters_container_gone(container);
  event_loop_close(&monitor->loop, &container->oom);
  process_free(&container->process);
  log_close(&container->log);
  if (container->cgroup != NULL) {
    // What cannot go at once goes with the pod's cgroup.
    for (int attempt = 0; attempt < 20 && cgroup_remove(&monitor->cgroups, container->cgroup) < 0; attempt++)
      usleep(1000);
  }
  process_spec_free(&container->spec);
  strings_free(&container->warnings);
  free(container->cgroup);
  json_free(container->document);
  free(container);
  monitor_check_stopped(monitor);
}

void container_remove(struct container *container) {
  struct monitor *monitor = container->monitor;
  char *text = format_string("{\"id\":\"%s\"}", container->id);
  container_free(container);
  monitor_publish(monitor, "removed", text);
  free(text);
}

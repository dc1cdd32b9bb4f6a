// The monitor: one process per pod that outlives the kubelet.
#include "monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "connection.h"
#include "container.h"
#include "syscalls.h"

enum { OOM_CHECK_MS = 200 };

void monitor_add_process(struct monitor *monitor, struct process *process) {
  process->next = monitor->processes;
  monitor->processes = process;
}

void monitor_remove_process(struct monitor *monitor, struct process *process) {
  for (struct process **link = &monitor->processes; *link != NULL; link = &(*link)->next) {
    if (*link != process) continue;
    *link = process->next;
    return;
  }
}

void monitor_publish(struct monitor *monitor, const char *event, const char *container) {
  int64_t cursor = ++monitor->cursor;
  char **slot = &monitor->events[cursor % EVENT_WINDOW];
  free(*slot);
  *slot = format_string("{\"version\":1,\"cursor\":%lld,\"event\":\"%s\"%s%s}\n", (long long)cursor, event,
                        container == NULL ? "" : ",\"container\":", container == NULL ? "" : container);
  for (struct connection *connection = monitor->connections; connection != NULL; connection = connection->next) {
    if (connection->watching) connection_send(connection, *slot, strlen(*slot));
  }
}

static void housekeeping(void *owner) {
  struct monitor *monitor = owner;
  for (struct container *container = monitor->containers; container != NULL; container = container->next) {
    if (container_running(container)) container_check_oom(container);
  }
}

void monitor_check_soon(struct monitor *monitor) { timer_start(&monitor->loop, &monitor->housekeeping, OOM_CHECK_MS); }

void monitor_stop(struct monitor *monitor) {
  monitor->stopping = true;
  for (struct container *container = monitor->containers; container != NULL; container = container->next) {
    if (container->process.state != PROCESS_FINISHED) container_kill(container);
  }
  monitor_check_stopped(monitor);
}

void monitor_check_stopped(struct monitor *monitor) {
  if (!monitor->stopping) return;
  for (const struct container *container = monitor->containers; container != NULL; container = container->next) {
    if (container->process.state != PROCESS_FINISHED) return;
  }
  monitor->loop.stopped = true;
}

static void sandbox_died(struct monitor *monitor) {
  if (!monitor->sandbox.ready) return;
  monitor->sandbox.ready = false;
  for (struct container *container = monitor->containers; container != NULL; container = container->next) {
    if (container->process.state != PROCESS_FINISHED) container_kill(container);
  }
  monitor_publish(monitor, "sandboxExited", NULL);
}

// The init of a PID namespace is not reaped before everybody in it: containers that were killed with pause come first.
static bool pause_is_dying(const struct monitor *monitor) {
  enum { PF_EXITING = 4 };
  char path[64];
  char text[512];
  unsigned flags = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", monitor->sandbox.pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  const char *fields = strrchr(text, ')');
  return fields != NULL && sscanf(fields, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & PF_EXITING) != 0;
}

static void reap(struct monitor *monitor) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    // Told first: what has lost its sandbox must not be started again in it.
    if (pid == monitor->sandbox.pid || (monitor->sandbox.ready && pause_is_dying(monitor))) sandbox_died(monitor);
    struct process *process = monitor->processes;
    while (process != NULL && (process->pid != pid || process->reaped)) process = process->next;
    if (process != NULL) process_reaped(process, status);
  }
}

static void signal_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct signalfd_siginfo info;
  struct monitor *monitor = source->owner;
  if (read(source->fd, &info, sizeof info) != (ssize_t)sizeof info) return;
  if (info.ssi_signo == SIGCHLD) reap(monitor);
  else monitor_stop(monitor);
}

static int watch_signals(struct monitor *monitor) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGINT);
  sigprocmask(SIG_SETMASK, &watched, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  int fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  monitor->signals = (struct event_source){.fd = fd, .ready = signal_ready, .owner = monitor};
  return fd < 0 ? -1 : event_loop_add(&monitor->loop, &monitor->signals, EPOLLIN);
}

static void detach(void) {
  setsid();
  // Containers must not read the monitor's memory or descriptors, whatever PID namespace they share with it.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  umask(022);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
  if (null > 2) close(null);
  if (chdir("/") < 0) _exit(1);
}

static int build(struct monitor *monitor, const struct monitor_options *options, struct failure *failure) {
  if (event_loop_init(&monitor->loop) < 0 || watch_signals(monitor) < 0)
    return fail_errno(failure, "set up the event loop");
  if (sandbox_config_read(options->config, &monitor->config, failure) < 0) return -1;
  if (control_listen(monitor, options->socket, failure) < 0) return -1;
  if (sandbox_create(monitor, failure) == 0) return 0;
  control_close(monitor);
  return -1;
}

static void write_ready(const struct monitor *monitor, struct buffer *out) {
  json_open(out, '{');
  json_put_integer(out, "version", 1);
  json_put_boolean(out, "ok", true);
  json_put_integer(out, "monitorPid", getpid());
  json_put_integer(out, "pausePid", monitor->sandbox.pid);
  json_put_time(out, "startedAt", monitor->sandbox.started_at);
  sandbox_write_network(monitor, out);
  json_put_string(out, "cgroupMode", cgroup_mode_name(monitor->cgroups.mode));
  json_put_strings(out, "warnings", &monitor->sandbox.warnings);
  buffer_text(out, "}\n");
}

static void write_failure(const struct failure *failure, struct buffer *out) {
  json_open(out, '{');
  json_put_integer(out, "version", 1);
  json_put_boolean(out, "ok", false);
  json_put_failure(out, failure);
  buffer_text(out, "}\n");
}

static void tear_down(struct monitor *monitor) {
  while (monitor->containers != NULL) container_free(monitor->containers);
  sandbox_destroy(monitor);
  control_close(monitor);
  for (struct connection *connection = monitor->connections; connection != NULL; connection = connection->next) {
    if (connection->stops) answer_result(connection, connection->stopping_request, "{}");
  }
}

_Noreturn static void serve(const struct monitor_options *options, int ready) {
  struct monitor *monitor = allocate(1, sizeof *monitor);
  struct failure failure = {0};
  struct buffer out = {0};
  monitor->executable = options->executable;
  monitor->listener.fd = monitor->signals.fd = monitor->housekeeping.source.fd = monitor->socket_directory = -1;
  monitor->housekeeping.owner = monitor;
  monitor->housekeeping.expired = housekeeping;
  detach();
  int result = build(monitor, options, &failure);
  if (result == 0) write_ready(monitor, &out);
  else write_failure(&failure, &out);
  if (write(ready, out.data, out.length) < 0) result = result < 0 ? result : 0;
  close(ready);
  buffer_free(&out);
  if (result < 0) _exit(1);
  event_loop_run(&monitor->loop);
  tear_down(monitor);
  _exit(0);
}

int monitor_main(const struct monitor_options *options) {
  int ends[2];
  char bytes[4096];
  bool done = false;
  if (pipe2(ends, O_CLOEXEC) < 0) return 1;
  pid_t pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) {
    close(ends[0]);
    serve(options, ends[1]);
  }
  close(ends[1]);
  ssize_t length;
  while ((length = read(ends[0], bytes, sizeof bytes)) > 0) {
    done = done || memmem(bytes, (size_t)length, "\"ok\":true", 9) != NULL;
    if (write(STDOUT_FILENO, bytes, (size_t)length) < 0) break;
  }
  return done ? 0 : 1;
}

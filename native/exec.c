// `exec`: one more process in a running container, its streams framed over one connection.
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "container.h"
#include "process-spec.h"
#include "streams.h"
#include "syscalls.h"

enum { OUTPUT_LIMIT = 256 * 1024 };

struct exec_session {
  struct monitor *monitor;
  struct connection *connection;  // NULL: the client has gone
  int64_t request;
  struct process process;
  struct process_spec spec;
  struct timer timeout;
  bool timed_out;
};

static void session_free(struct exec_session *session) {
  timer_stop(&session->monitor->loop, &session->timeout);
  monitor_remove_process(session->monitor, &session->process);
  process_free(&session->process);
  process_spec_free(&session->spec);
  free(session);
}

static void kill_session(struct exec_session *session, int signal) {
  // The child leads its session and process group; its number stays taken until we have waited for it.
  if (session->process.reaped || session->process.pid <= 1) return;
  sys_pidfd_send_signal(session->process.pidfd, signal);
  if (signal == SIGKILL) kill(-session->process.pid, SIGKILL);
}

static void timeout_expired(void *owner) {
  struct exec_session *session = owner;
  session->timed_out = true;
  kill_session(session, SIGKILL);
}

static void on_started(struct process *process) {
  struct exec_session *session = process->owner;
  struct buffer out = {0};
  if (session->connection == NULL) return;
  json_open(&out, '{');
  json_put_integer(&out, "pid", process->pid);
  json_put_strings(&out, "warnings", &process->warnings);
  buffer_append(&out, "}", 2);
  session->connection->pending--;
  answer_result(session->connection, session->request, out.data);
  buffer_free(&out);
  connection_pause(session->connection, false);
  session->connection->handler->input(session->connection);
}

static void on_failed(struct process *process, const struct failure *failure) {
  struct exec_session *session = process->owner;
  struct connection *connection = session->connection;
  if (connection != NULL) {
    connection->handler = &request_events;
    connection->stream = NULL;
    connection->pending--;
    answer_failure(connection, session->request, failure);
    connection_pause(connection, false);
    connection->handler->input(connection);
  }
  session_free(session);
}

static void on_output(struct process *process, int stream, const char *bytes, size_t length) {
  struct exec_session *session = process->owner;
  if (session->connection == NULL) return;
  connection_send_frame(session->connection, stream == OUTPUT_STDERR ? FRAME_STDERR : FRAME_STDOUT, bytes, length);
  if (session->connection->out.length > OUTPUT_LIMIT) process_pause_output(process, true);
}

static void on_reaped(struct process *process) {
  struct exec_session *session = process->owner;
  timer_stop(&session->monitor->loop, &session->timeout);
}

void write_exit(struct buffer *out, const struct process *process, bool timed_out) {
  json_open(out, '{');
  json_put_integer(out, "exitCode", process_exit_code(process));
  if (process_exit_signal(process) != 0) json_put_integer(out, "signal", process_exit_signal(process));
  if (timed_out) json_put_boolean(out, "timedOut", true);
  json_close(out, '}');
}

static void on_finished(struct process *process) {
  struct exec_session *session = process->owner;
  struct connection *connection = session->connection;
  if (connection != NULL) {
    struct buffer out = {0};
    write_exit(&out, process, session->timed_out);
    connection_send_frame(connection, FRAME_EXIT, out.data, out.length);
    buffer_free(&out);
    connection->stream = NULL;
    connection_end(connection);
  }
  session_free(session);
}

static void on_input_drained(struct process *process) {
  struct exec_session *session = process->owner;
  if (session->connection == NULL) return;
  connection_pause(session->connection, false);
  session->connection->handler->input(session->connection);
}

static const struct process_events exec_process_events = {on_started, on_failed,   on_output,
                                                          on_reaped,  on_finished, on_input_drained};

static void take_frame(struct exec_session *session, const struct frame *frame) {
  uint16_t size[2];
  switch (frame->type) {
    case FRAME_STDIN: process_write(&session->process, frame->payload, frame->length); break;
    case FRAME_STDIN_CLOSE: process_close_input(&session->process); break;
    case FRAME_RESIZE:
      if (frame->length != sizeof size) break;
      memcpy(size, frame->payload, sizeof size);
      process_resize(&session->process, ntohs(size[0]), ntohs(size[1]));
      break;
    case FRAME_SIGNAL:
      if (frame->length == 1) kill_session(session, frame->payload[0]);
      break;
    default: break;
  }
}

static void exec_input(struct connection *connection) {
  struct exec_session *session = connection->stream;
  struct frame frame;
  int outcome = -1;
  while (session != NULL && session->process.pending.length < INPUT_LIMIT &&
         (outcome = connection_peek_frame(connection, &frame)) == 0) {
    take_frame(session, &frame);
    connection_drop_frame(connection, &frame);
  }
  if (outcome == -2) connection_cut(connection);
  else if (session != NULL && session->process.pending.length >= INPUT_LIMIT) connection_pause(connection, true);
}

static void exec_input_ended(struct connection *connection) {
  struct exec_session *session = connection->stream;
  if (session != NULL) process_close_input(&session->process);
}

static void exec_output_drained(struct connection *connection) {
  struct exec_session *session = connection->stream;
  if (session != NULL) process_pause_output(&session->process, false);
}

static void exec_closed(struct connection *connection) {
  struct exec_session *session = connection->stream;
  if (session == NULL) return;
  session->connection = NULL;
  process_abandon(&session->process);
}

static const struct connection_events exec_connection_events = {exec_input, exec_input_ended, exec_output_drained,
                                                                exec_closed};

static int read_spec(struct exec_session *session, const struct container *container, const struct json *request,
                     struct failure *failure) {
  char path[64];
  struct strings warnings = {0};
  char *text = format_string("/proc/%d/root", container->process.pid);
  strncpy(path, text, sizeof path - 1);
  path[sizeof path - 1] = '\0';
  free(text);
  int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail_errno(failure, "open the container's root");
  int result =
      process_spec_derive(&container->spec, container->config, request, root, &session->spec, &warnings, failure);
  close(root);
  strings_free(&warnings);
  return result;
}

static int launch_session(struct exec_session *session, const struct container *container, const struct json *request,
                          struct failure *failure) {
  struct process_streams streams = {false, true, true};
  if (json_read_boolean(request, "stdin", &streams.input, failure) < 0) return -1;
  if (json_read_boolean(request, "stdout", &streams.output, failure) < 0) return -1;
  if (json_read_boolean(request, "stderr", &streams.error, failure) < 0) return -1;
  struct launch launch = {.spec = &session->spec, .join_pidfd = container->process.pidfd};
  launch.join_flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  container_fill_launch(container, &launch);
  if (session->monitor->config.pid_mode == PID_CONTAINER) launch.pid_namespace = container->process.pidfd;
  session->process.loop = &session->monitor->loop;
  session->process.handler = &exec_process_events;
  session->process.owner = session;
  int result = process_start(&session->process, &launch, &streams, failure);
  cgroup_entry_close(&launch.cgroup);
  return result;
}

static void start_timeout(struct exec_session *session, int64_t milliseconds) {
  if (milliseconds <= 0) return;
  session->timeout.owner = session;
  session->timeout.expired = timeout_expired;
  timer_start(&session->monitor->loop, &session->timeout, milliseconds);
}

int exec_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, true, failure);
  int64_t timeout = 0;
  if (container == NULL || json_read_integer(request->document, "timeoutMs", &timeout, failure) < 0) return -1;
  struct exec_session *session = allocate(1, sizeof *session);
  session->monitor = request->monitor;
  session->connection = request->connection;
  session->request = request->id;
  session->timeout.source.fd = -1;
  int result = read_spec(session, container, request->document, failure);
  if (result == 0) result = launch_session(session, container, request->document, failure);
  if (result < 0) {
    if (strcmp(failure->code, "Failed") == 0) failure->code = "StartFailed";
    if (strcmp(failure->code, "StartFailed") == 0 && failure->stage == NULL) failure->stage = "prepare";
    process_spec_free(&session->spec);
    free(session);
    return -1;
  }
  monitor_add_process(request->monitor, &session->process);
  start_timeout(session, timeout);
  request->deferred = true;
  request->connection->pending++;
  request->connection->handler = &exec_connection_events;
  request->connection->stream = session;
  connection_pause(request->connection, true);
  return 0;
}

// A child of the monitor from clone to the end of its output.
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "syscalls.h"

enum { DRAIN_MS = 2000 };

static void settle(struct process *process) {
  bool quiet = process->output[0].fd < 0 && process->output[1].fd < 0;
  if (!process->reaped || process->report.fd >= 0 || process->state == PROCESS_FINISHED) return;
  if (process->state == PROCESS_LAUNCHING) {
    process->state = PROCESS_FINISHED;
    process->handler->failed(process, &process->failure);
  } else if (quiet) {
    process->state = PROCESS_FINISHED;
    timer_stop(process->loop, &process->drain);
    close(process->pidfd);
    process->pidfd = -1;
    process->handler->finished(process);
  }
}

static void drain_expired(void *owner) {
  struct process *process = owner;
  for (int i = 0; i < 2; i++) event_loop_close(process->loop, &process->output[i]);
  settle(process);
}

static void report_ready(struct event_source *source, uint32_t events);

static void output_ready(struct event_source *source, uint32_t events) {
  struct process *process = source->owner;
  // What the program writes comes after the end of its report, also where both are there at once: nothing is put out
  // of a process that has not been told to run. The report may end the process.
  if (process->state == PROCESS_LAUNCHING && process->report.fd >= 0) {
    report_ready(&process->report, events);
    return;
  }
  char bytes[OUTPUT_CHUNK];
  ssize_t length = read(source->fd, bytes, sizeof bytes);
  if (length > 0) {
    process->handler->output(process, source == &process->output[OUTPUT_STDERR] ? OUTPUT_STDERR : OUTPUT_STDOUT, bytes,
                             (size_t)length);
    return;
  }
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // End of a pipe, or EIO of a terminal that nobody has open any more.
  event_loop_close(process->loop, source);
  settle(process);
}

static void flush_input(struct process *process) {
  while (process->pending.length > 0) {
    ssize_t written = write(process->input.fd, process->pending.data, process->pending.length);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      event_loop_close(process->loop, &process->input);
      buffer_free(&process->pending);
      break;
    }
    buffer_consume(&process->pending, (size_t)written);
  }
  if (process->pending.length == 0 && process->close_when_empty) event_loop_close(process->loop, &process->input);
  if (process->pending.length > 0) event_loop_resume(process->loop, &process->input, EPOLLOUT);
  else event_loop_pause(process->loop, &process->input);
}

static void input_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct process *process = source->owner;
  flush_input(process);
  if (process->pending.length < INPUT_LIMIT / 2) process->handler->input_drained(process);
}

bool process_write(struct process *process, const void *bytes, size_t length) {
  if (process->input.fd < 0 || process->close_when_empty) return false;
  buffer_append(&process->pending, bytes, length);
  flush_input(process);
  return true;
}

void process_close_input(struct process *process) {
  if (process->input.fd < 0 || process->tty) return;
  process->close_when_empty = true;
  flush_input(process);
}

void process_pause_output(struct process *process, bool paused) {
  for (int i = 0; i < 2; i++) {
    if (paused) event_loop_pause(process->loop, &process->output[i]);
    else event_loop_resume(process->loop, &process->output[i], EPOLLIN);
  }
}

void process_abandon(struct process *process) {
  event_loop_close(process->loop, &process->input);
  for (int i = 0; i < 2; i++) event_loop_close(process->loop, &process->output[i]);
  settle(process);
}

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static void take_terminal(struct process *process, int master) {
  set_nonblocking(master);
  process->output[0].fd = master;
  event_loop_add(process->loop, &process->output[0], EPOLLIN);
  process->input.fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
  process->input.events = 0;
}

// 1 for a message, 0 at the end, -1 for nothing yet.
static int receive_report(int fd, struct report *message, int *passed) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {message, sizeof *message};
  struct msghdr header = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *passed = -1;
  ssize_t length = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
  struct cmsghdr *item = CMSG_FIRSTHDR(&header);
  if (item != NULL && item->cmsg_type == SCM_RIGHTS) memcpy(passed, CMSG_DATA(item), sizeof *passed);
  if (length != (ssize_t)sizeof *message) return 0;
  message->text[sizeof message->text - 1] = '\0';
  return 1;
}

static void take_failure(struct process *process, const struct report *message) {
  struct failure *failure = &process->failure;
  errno = message->error;
  if (message->at_exec) fail(failure, "StartFailed", "%s", message->text);
  else fail_errno(failure, "%s", message->text);
  failure->code = "StartFailed";
  failure->stage = message->at_exec ? "exec" : "setup";
  failure->error = message->error;
}

static void report_ended(struct process *process) {
  event_loop_close(process->loop, &process->report);
  if (process->failure.code == NULL && process->state == PROCESS_LAUNCHING) {
    process->state = PROCESS_RUNNING;
    process->handler->started(process);
  }
  // It may have been reaped already: a life shorter than its report.
  settle(process);
}

static void take_report(struct process *process, const struct report *message, int fd) {
  if (message->kind == REPORT_WARNING) {
    strings_take(&process->warnings, format_string("%s: %s", message->text, strerror(message->error)));
  } else if (message->kind == REPORT_TERMINAL && fd >= 0 && process->output[0].fd < 0) {
    take_terminal(process, fd);
  } else if (message->kind == REPORT_ERROR) {
    take_failure(process, message);
  }
}

static void report_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct process *process = source->owner;
  struct report message;
  int fd;
  int outcome;
  while ((outcome = receive_report(source->fd, &message, &fd)) > 0) take_report(process, &message, fd);
  if (outcome == 0) report_ended(process);
}

void process_reaped(struct process *process, int wait_status) {
  process->reaped = true;
  process->wait_status = wait_status;
  process->finished_at = wall_clock();
  process->handler->reaped(process);
  event_loop_close(process->loop, &process->input);
  process_pause_output(process, false);
  process->drain.owner = process;
  process->drain.expired = drain_expired;
  timer_start(process->loop, &process->drain, DRAIN_MS);
  settle(process);
}

struct pipes {
  int child[3];
  int parent[3];
  int report[2];
};

static void close_pipes(const struct pipes *pipes, bool parent_side) {
  for (int i = 0; i < 3; i++) {
    if (pipes->child[i] >= 0) close(pipes->child[i]);
    if (parent_side && pipes->parent[i] >= 0) close(pipes->parent[i]);
  }
  if (pipes->report[1] >= 0) close(pipes->report[1]);
  if (parent_side && pipes->report[0] >= 0) close(pipes->report[0]);
}

static int open_pipes(struct pipes *pipes, const struct process_streams *streams, bool tty) {
  bool wanted[3] = {streams->input && !tty, streams->output && !tty, streams->error && !tty};
  *pipes = (struct pipes){{-1, -1, -1}, {-1, -1, -1}, {-1, -1}};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes->report) < 0) return -1;
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (!wanted[i]) continue;
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    pipes->child[i] = ends[i == 0 ? 0 : 1];
    pipes->parent[i] = ends[i == 0 ? 1 : 0];
    set_nonblocking(pipes->parent[i]);
  }
  return 0;
}

static void watch_pipes(struct process *process, const struct pipes *pipes) {
  process->report.fd = pipes->report[0];
  event_loop_add(process->loop, &process->report, EPOLLIN);
  for (int i = 0; i < 2; i++) {
    process->output[i].fd = pipes->parent[i + 1];
    if (process->output[i].fd >= 0) event_loop_add(process->loop, &process->output[i], EPOLLIN);
  }
  process->input.fd = pipes->parent[0];
}

int process_start(struct process *process, struct launch *launch, const struct process_streams *streams,
                  struct failure *failure) {
  struct pipes pipes;
  process->tty = launch->spec->tty;
  process->report = (struct event_source){.fd = -1, .ready = report_ready, .owner = process};
  process->input = (struct event_source){.fd = -1, .ready = input_ready, .owner = process};
  for (int i = 0; i < 2; i++)
    process->output[i] = (struct event_source){.fd = -1, .ready = output_ready, .owner = process};
  process->drain = (struct timer){.source.fd = -1};
  process->pidfd = -1;
  int result = open_pipes(&pipes, streams, process->tty);
  if (result == 0) {
    memcpy(launch->stdio, pipes.child, sizeof pipes.child);
    launch->report = pipes.report[1];
    process->pid = launch_process(launch, &process->pidfd);
    result = process->pid < 0 ? -1 : 0;
  }
  if (result < 0) fail_errno(failure, "create process");
  process->started_at = wall_clock();
  close_pipes(&pipes, result < 0);
  if (result == 0) watch_pipes(process, &pipes);
  return result;
}

int process_resize(struct process *process, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  if (process->tty && process->output[0].fd >= 0) return ioctl(process->output[0].fd, TIOCSWINSZ, &size);
  errno = ENOTTY;
  return -1;
}

int process_exit_code(const struct process *process) {
  if (WIFSIGNALED(process->wait_status)) return 128 + WTERMSIG(process->wait_status);
  return WEXITSTATUS(process->wait_status);
}

int process_exit_signal(const struct process *process) {
  return WIFSIGNALED(process->wait_status) ? WTERMSIG(process->wait_status) : 0;
}

void process_free(struct process *process) {
  event_loop_close(process->loop, &process->report);
  event_loop_close(process->loop, &process->input);
  for (int i = 0; i < 2; i++) event_loop_close(process->loop, &process->output[i]);
  timer_stop(process->loop, &process->drain);
  if (process->pidfd >= 0) close(process->pidfd);
  process->pidfd = -1;
  buffer_free(&process->pending);
  strings_free(&process->warnings);
}

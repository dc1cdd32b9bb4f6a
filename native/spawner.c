// Requests come as lines on standard input; for each a child runs the command, and what it prints is the answer. A
// caller that dies leaves what has begun to end by itself.
#include "spawner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "event-loop.h"
#include "json.h"
#include "syscalls.h"

// Children end unseen: their output tells when. The terminal's interrupt is for the caller, which then ends our input.
static const int IGNORED[] = {SIGCHLD, SIGPIPE, SIGINT};

enum { READ_CHUNK = 65536, LONGEST_LINE = 16 << 20 };

struct spawner {
  struct event_loop loop;
  struct event_source input;
  struct buffer in;
  size_t running;
  int executable;
};

// A command whose output has not ended.
struct running {
  struct spawner *spawner;
  struct event_source output;
  int64_t id;
  struct buffer text;
};

// The caller reads: a blocking write is short.
static void answer(const struct buffer *line) {
  for (size_t at = 0; at < line->length;) {
    ssize_t written = write(STDOUT_FILENO, line->data + at, line->length - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += (size_t)written;
  }
}

static void answer_output(int64_t id, const char *output) {
  struct buffer line = {0};
  json_open(&line, '{');
  json_put_integer(&line, "version", 1);
  json_put_integer(&line, "id", id);
  json_put_string(&line, "output", output);
  buffer_text(&line, "}\n");
  answer(&line);
  buffer_free(&line);
}

static void stop_when_idle(struct spawner *spawner) {
  if (spawner->input.fd < 0 && spawner->running == 0) spawner->loop.stopped = true;
}

static void output_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct running *running = source->owner;
  ssize_t length = read(source->fd, buffer_reserve(&running->text, READ_CHUNK), READ_CHUNK);
  if (length < 0 && errno == EINTR) return;
  if (length > 0) {
    running->text.length += (size_t)length;
    return;
  }
  struct spawner *spawner = running->spawner;
  buffer_append(&running->text, "", 1);
  answer_output(running->id, running->text.data);
  event_loop_close(&spawner->loop, source);
  buffer_free(&running->text);
  free(running);
  spawner->running--;
  stop_when_idle(spawner);
}

static _Noreturn void child(const struct spawner *spawner, const struct strings *arguments, const char *input,
                            int output) {
  size_t length = strlen(input);
  int file = memfd_create("input", MFD_CLOEXEC);
  bool written = file >= 0 && write(file, input, length) == (ssize_t)length && lseek(file, 0, SEEK_SET) == 0;
  if (!written || dup2(file, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(1);
  sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++) signal(IGNORED[i], SIG_DFL);
  // Anew: a list of processes then tells which pod a monitor is for.
  sys_execveat(spawner->executable, "", arguments->items, environ, AT_EMPTY_PATH);
  _exit(1);
}

// With "--sealed": this file is, if it could be.
static void read_arguments(const struct json *request, struct strings *arguments, struct failure *failure) {
  strings_add(arguments, "nocher-native");
  json_read_strings(request, "args", arguments, failure);
  if (arguments->count > 1 && strcmp(arguments->items[1], "monitor") == 0) strings_add(arguments, "--sealed");
}

static void spawn(struct spawner *spawner, const struct json *request, int64_t id) {
  struct failure failure = {0};
  struct strings arguments = {0};
  const char *input = "";
  int ends[2];
  read_arguments(request, &arguments, &failure);
  json_read_string(request, "input", &input, &failure);
  if (pipe2(ends, O_CLOEXEC) < 0) {
    answer_output(id, strerror(errno));
    strings_free(&arguments);
    return;
  }
  pid_t pid = fork();
  if (pid == 0) child(spawner, &arguments, input, ends[1]);
  close(ends[1]);
  strings_free(&arguments);
  struct running *running = allocate(1, sizeof *running);
  running->spawner = spawner;
  running->id = id;
  // Without a child nobody holds the other end: the answer is empty, and comes at once.
  running->output = (struct event_source){.fd = ends[0], .ready = output_ready, .owner = running};
  if (pid < 0) buffer_text(&running->text, strerror(errno));
  event_loop_add(&spawner->loop, &running->output, EPOLLIN);
  spawner->running++;
}

static void handle(struct spawner *spawner, const char *line, size_t length) {
  struct failure failure = {0};
  int64_t id = 0;
  struct json *request = json_parse(line, length, &failure);
  if (request != NULL && json_read_integer(request, "id", &id, &failure) == 0) spawn(spawner, request, id);
  json_free(request);
}

static void input_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct spawner *spawner = source->owner;
  ssize_t length = read(source->fd, buffer_reserve(&spawner->in, READ_CHUNK), READ_CHUNK);
  if (length < 0 && errno == EINTR) return;
  if (length <= 0 || spawner->in.length > LONGEST_LINE) {
    event_loop_close(&spawner->loop, source);
    stop_when_idle(spawner);
    return;
  }
  spawner->in.length += (size_t)length;
  for (char *end; (end = memchr(spawner->in.data, '\n', spawner->in.length)) != NULL;) {
    size_t line = (size_t)(end - spawner->in.data);
    handle(spawner, spawner->in.data, line);
    buffer_consume(&spawner->in, line + 1);
    if (spawner->in.length == 0) break;
  }
}

int spawner_main(void) {
  struct spawner spawner = {.executable = open("/proc/self/exe", O_PATH | O_CLOEXEC)};
  for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++) signal(IGNORED[i], SIG_IGN);
  if (spawner.executable < 0 || event_loop_init(&spawner.loop) < 0) return 1;
  spawner.input = (struct event_source){.fd = STDIN_FILENO, .ready = input_ready, .owner = &spawner};
  if (event_loop_add(&spawner.loop, &spawner.input, EPOLLIN) < 0) return 1;
  event_loop_run(&spawner.loop);
  return 0;
}

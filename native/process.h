// A child of the monitor from clone to the end of its output: its report socket, pipes or terminal, input, exit.
#ifndef NOCHER_PROCESS_H
#define NOCHER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "event-loop.h"
#include "failure.h"
#include "launch.h"
#include "memory.h"

enum process_state { PROCESS_LAUNCHING, PROCESS_RUNNING, PROCESS_FINISHED };
enum { OUTPUT_STDOUT, OUTPUT_STDERR };
enum { INPUT_LIMIT = 256 * 1024, OUTPUT_CHUNK = 16384 };

struct process;
// What the owner wants to know. `started` xor `failed` comes first; after `started`, `finished` comes last, once.
// `failed` and `finished` may free the process.
struct process_events {
  void (*started)(struct process *process);
  void (*failed)(struct process *process, const struct failure *failure);
  void (*output)(struct process *process, int stream, const char *bytes, size_t length);
  void (*reaped)(struct process *process);
  void (*finished)(struct process *process);
  void (*input_drained)(struct process *process);
};

struct process {
  struct event_loop *loop;
  const struct process_events *handler;
  void *owner;
  struct process *next;  // in the monitor's list, by which a reaped pid finds its process
  enum process_state state;
  pid_t pid;
  int pidfd;
  bool tty;
  bool reaped;
  int wait_status;
  int64_t started_at;
  int64_t finished_at;
  struct failure failure;
  struct strings warnings;
  struct event_source report;
  struct event_source output[2];
  struct event_source input;
  struct buffer pending;  // input that the process has not taken yet
  bool close_when_empty;
  struct timer drain;
};

// Which of the three a process has; a false one is /dev/null. Ignored with a terminal.
struct process_streams {
  bool input;
  bool output;
  bool error;
};

// Makes pipes and clones. `launch` needs all but stdio and report. On failure nothing is left.
int process_start(struct process *process, struct launch *launch, const struct process_streams *streams,
                  struct failure *failure);
// The monitor has waited for it.
void process_reaped(struct process *process, int wait_status);
// Queues input; false when there is no open input.
bool process_write(struct process *process, const void *bytes, size_t length);
void process_close_input(struct process *process);
// Stops reading (the reader is slow) and starts again.
void process_pause_output(struct process *process, bool paused);
// Nobody listens any more: the process sees closed pipes or a hang-up.
void process_abandon(struct process *process);
int process_resize(struct process *process, unsigned short rows, unsigned short columns);
int process_exit_code(const struct process *process);
// The signal that ended it, or 0.
int process_exit_signal(const struct process *process);
// Closes what is open. The process must have been reaped or never started.
void process_free(struct process *process);
#endif

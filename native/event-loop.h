// The monitor's only loop: one event at a time, so that a handler may free any source, its own included.
#ifndef NOCHER_EVENT_LOOP_H
#define NOCHER_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct event_loop {
  int epoll_fd;
  bool stopped;
};

// `fd` is -1 while the source is not in the loop. The owner embeds it and keeps it in place while it is.
struct event_source {
  int fd;
  uint32_t events;
  void (*ready)(struct event_source *source, uint32_t events);
  void *owner;
};

struct timer {
  struct event_source source;
  void (*expired)(void *owner);
  void *owner;
};

int event_loop_init(struct event_loop *loop);
// Returns when a handler has set `stopped`.
void event_loop_run(struct event_loop *loop);
// The source takes ownership of source->fd; events may be 0 (only errors and hang-ups are seen then).
int event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events);
void event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events);
// Takes the source out without closing it and puts it back: unlike `events` 0 this also silences hang-ups.
void event_loop_pause(struct event_loop *loop, struct event_source *source);
void event_loop_resume(struct event_loop *loop, struct event_source *source, uint32_t events);
// Closes the descriptor. Does nothing for one that is not in the loop.
void event_loop_close(struct event_loop *loop, struct event_source *source);

// One shot, replaces an earlier one. `timer` must start zeroed with source.fd = -1.
int timer_start(struct event_loop *loop, struct timer *timer, int64_t milliseconds);
void timer_stop(struct event_loop *loop, struct timer *timer);

int64_t wall_clock(void);
#endif

// The monitor's only loop, over epoll, and its timers.
#include "event-loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int event_loop_init(struct event_loop *loop) {
  loop->stopped = false;
  loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  return loop->epoll_fd < 0 ? -1 : 0;
}

void event_loop_run(struct event_loop *loop) {
  while (!loop->stopped) {
    struct epoll_event event;
    int count = epoll_wait(loop->epoll_fd, &event, 1, -1);
    if (count < 0 && errno != EINTR) return;
    if (count != 1) continue;
    struct event_source *source = event.data.ptr;
    source->ready(source, event.events);
  }
}

int event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  source->events = events;
  return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event);
}

void event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events) {
  if (source->fd < 0 || source->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = source};
  source->events = events;
  epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void event_loop_pause(struct event_loop *loop, struct event_source *source) {
  if (source->fd < 0 || source->events == 0) return;
  source->events = 0;
  epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void event_loop_resume(struct event_loop *loop, struct event_source *source, uint32_t events) {
  if (source->fd >= 0 && source->events == 0) event_loop_add(loop, source, events);
}

void event_loop_close(struct event_loop *loop, struct event_source *source) {
  if (source->fd < 0) return;
  epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
  close(source->fd);
  source->fd = -1;
}

static void timer_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct timer *timer = source->owner;
  uint64_t count;
  if (read(source->fd, &count, sizeof count) < 0) return;
  timer->expired(timer->owner);
}

int timer_start(struct event_loop *loop, struct timer *timer, int64_t milliseconds) {
  if (timer->source.fd < 0) {
    timer->source.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer->source.fd < 0) return -1;
    timer->source.owner = timer;
    timer->source.ready = timer_ready;
    if (event_loop_add(loop, &timer->source, EPOLLIN) < 0) return -1;
  }
  struct itimerspec when = {.it_value = {milliseconds / 1000, (milliseconds % 1000) * 1000000 + 1}};
  return timerfd_settime(timer->source.fd, 0, &when, NULL);
}

void timer_stop(struct event_loop *loop, struct timer *timer) { event_loop_close(loop, &timer->source); }

int64_t wall_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

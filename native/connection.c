// A connection's bytes: reading with back-pressure, writing with a bound, ending.
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "waiters.h"

enum { READ_CHUNK = 65536, FRAME_HEADER = 5, FRAME_LIMIT = 1 << 20, DRAINED = 128 * 1024 };

static void destroy(struct connection *connection) {
  struct monitor *monitor = connection->monitor;
  if (connection->handler->closed != NULL) connection->handler->closed(connection);
  waiters_connection_gone(connection);
  struct connection **link = &monitor->connections;
  while (*link != connection) link = &(*link)->next;
  *link = connection->next;
  event_loop_close(&monitor->loop, &connection->source);
  buffer_free(&connection->in);
  buffer_free(&connection->out);
  free(connection);
}

// Both sides have said all.
static bool has_ended(const struct connection *connection) {
  return connection->ending && connection->input_closed && connection->out.length == 0;
}

void connection_update(struct connection *connection) {
  uint32_t events = 0;
  bool nudge = connection->broken || connection->half_close || has_ended(connection);
  if (!connection->paused && !connection->input_closed) events |= EPOLLIN | EPOLLRDHUP;
  // A connection is almost always writable: that event is where it gets shut down and destroyed.
  if (connection->out.length > 0 || nudge) events |= EPOLLOUT;
  event_loop_change(&connection->monitor->loop, &connection->source, events);
}

static void flush(struct connection *connection) {
  while (connection->out.length > 0) {
    ssize_t written =
        send(connection->source.fd, connection->out.data, connection->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno != EAGAIN) connection->broken = true;
    if (written < 0) return;
    buffer_consume(&connection->out, (size_t)written);
  }
  if (connection->half_close) {
    connection->half_close = false;
    shutdown(connection->source.fd, SHUT_WR);
  }
}

void connection_send(struct connection *connection, const void *bytes, size_t length) {
  if (connection->broken || connection->ending) return;
  bool idle = connection->out.length == 0;
  buffer_append(&connection->out, bytes, length);
  if (idle) flush(connection);
  if (connection->out.length > connection->output_limit) connection_cut(connection);
  connection_update(connection);
}

void connection_cut(struct connection *connection) {
  connection->broken = true;
  connection_update(connection);
}

static void drop_input(struct connection *connection) { buffer_consume(&connection->in, connection->in.length); }

static void ignore(struct connection *connection) { (void)connection; }

static const struct connection_events ending_events = {drop_input, ignore, NULL, NULL};

// What the client still sends is read and dropped: were the socket closed on it, the client's next write would fail
// before it has read the last frame.
void connection_end(struct connection *connection) {
  connection->handler = &ending_events;
  connection->ending = true;
  connection->half_close = true;
  connection->paused = false;
  connection_update(connection);
}

void connection_pause(struct connection *connection, bool paused) {
  if (connection->ending) return;
  connection->paused = paused;
  connection_update(connection);
}

static void read_input(struct connection *connection) {
  char *room = buffer_reserve(&connection->in, READ_CHUNK);
  ssize_t length = recv(connection->source.fd, room, READ_CHUNK, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length < 0) {
    connection->broken = true;
  } else if (length == 0) {
    connection->input_closed = true;
    connection->handler->input_ended(connection);
  } else {
    connection->in.length += (size_t)length;
    connection->handler->input(connection);
  }
}

static void connection_ready(struct event_source *source, uint32_t events) {
  struct connection *connection = source->owner;
  bool readable = (events & EPOLLIN) != 0 && !connection->paused && !connection->input_closed;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !readable) connection->broken = true;
  if ((events & EPOLLOUT) != 0 && !connection->broken) {
    flush(connection);
    if (connection->out.length < DRAINED && connection->handler->output_drained != NULL)
      connection->handler->output_drained(connection);
  }
  if (readable && !connection->broken) read_input(connection);
  if (connection->broken || has_ended(connection)) destroy(connection);
  else connection_update(connection);
}

void connection_send_frame(struct connection *connection, int type, const void *payload, size_t length) {
  unsigned char header[FRAME_HEADER] = {(unsigned char)type};
  uint32_t size = htonl((uint32_t)length);
  memcpy(header + 1, &size, sizeof size);
  if (connection->broken || connection->ending) return;
  buffer_append(&connection->out, header, sizeof header);
  buffer_append(&connection->out, payload, length);
  flush(connection);
  if (connection->out.length > connection->output_limit) connection_cut(connection);
  connection_update(connection);
}

int connection_peek_frame(const struct connection *connection, struct frame *frame) {
  if (connection->in.length < FRAME_HEADER) return -1;
  const unsigned char *bytes = (const unsigned char *)connection->in.data;
  uint32_t size;
  memcpy(&size, bytes + 1, sizeof size);
  frame->type = bytes[0];
  frame->length = ntohl(size);
  frame->payload = bytes + FRAME_HEADER;
  if (frame->length > FRAME_LIMIT) return -2;
  return connection->in.length < FRAME_HEADER + frame->length ? -1 : 0;
}

void connection_drop_frame(struct connection *connection, const struct frame *frame) {
  buffer_consume(&connection->in, FRAME_HEADER + frame->length);
}

static void accept_ready(struct event_source *source, uint32_t events) {
  (void)events;
  struct monitor *monitor = source->owner;
  int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (fd < 0) return;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
    close(fd);
    return;
  }
  struct connection *connection = allocate(1, sizeof *connection);
  connection->monitor = monitor;
  connection->handler = &request_events;
  connection->output_limit = 4 << 20;
  connection->source = (struct event_source){.fd = fd, .ready = connection_ready, .owner = connection};
  connection->next = monitor->connections;
  monitor->connections = connection;
  event_loop_add(&monitor->loop, &connection->source, EPOLLIN | EPOLLRDHUP);
}

void control_accept_from(struct monitor *monitor, int fd) {
  monitor->listener = (struct event_source){.fd = fd, .ready = accept_ready, .owner = monitor};
  event_loop_add(&monitor->loop, &monitor->listener, EPOLLIN);
}

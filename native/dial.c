// `dial`: a TCP connection within the pod's network namespace, its bytes relayed as they are.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"

enum { RELAY_LIMIT = 256 * 1024, RELAY_CHUNK = 32768 };

struct dial {
  struct monitor *monitor;
  struct connection *connection;
  int64_t request;
  uint16_t port;
  bool second;  // ::1 after 127.0.0.1 was refused
  bool connected;
  bool read_done;  // the pod's side has ended its output
  bool write_done;
  struct event_source socket;
};

static void dial_free(struct dial *dial) {
  event_loop_close(&dial->monitor->loop, &dial->socket);
  free(dial);
}

static void dial_update(struct dial *dial) {
  uint32_t events = 0;
  const struct connection *connection = dial->connection;
  if (!dial->connected) events = EPOLLOUT;
  if (dial->connected && !dial->read_done && connection->out.length < RELAY_LIMIT) events |= EPOLLIN;
  if (dial->connected && !dial->write_done && connection->in.length > 0) events |= EPOLLOUT;
  if (events == 0) event_loop_pause(&dial->monitor->loop, &dial->socket);
  else if (dial->socket.events == 0) event_loop_resume(&dial->monitor->loop, &dial->socket, events);
  else event_loop_change(&dial->monitor->loop, &dial->socket, events);
}

static int try_connect(struct dial *dial) {
  struct sockaddr_in first = {
      .sin_family = AF_INET, .sin_port = htons(dial->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_in6 second = {
      .sin6_family = AF_INET6, .sin6_port = htons(dial->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const struct sockaddr *address = dial->second ? (const struct sockaddr *)&second : (const struct sockaddr *)&first;
  socklen_t size = dial->second ? sizeof second : sizeof first;
  int one = 1;
  event_loop_close(&dial->monitor->loop, &dial->socket);
  dial->socket.fd = sandbox_socket(dial->monitor, address->sa_family, SOCK_STREAM | SOCK_NONBLOCK);
  if (dial->socket.fd < 0) return -1;
  setsockopt(dial->socket.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(dial->socket.fd, address, size) < 0 && errno != EINPROGRESS) return -1;
  return event_loop_add(&dial->monitor->loop, &dial->socket, EPOLLOUT);
}

static int connect_failure(const struct dial *dial, struct failure *failure) {
  fail_errno(failure, "connect to port %d", dial->port);
  failure->code = "ConnectFailed";
  return -1;
}

static void give_up(struct dial *dial, int error) {
  struct connection *connection = dial->connection;
  struct failure failure = {0};
  errno = error;
  connect_failure(dial, &failure);
  connection->handler = &request_events;
  connection->stream = NULL;
  connection->pending--;
  answer_failure(connection, dial->request, &failure);
  dial_free(dial);
  connection_pause(connection, false);
  connection->handler->input(connection);
}

static void connect_ready(struct dial *dial) {
  struct connection *connection = dial->connection;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(dial->socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0 && !dial->second) {
    dial->second = true;
    if (try_connect(dial) == 0) return;
  }
  if (error != 0) {
    give_up(dial, error);
    return;
  }
  dial->connected = true;
  connection->pending--;
  char *text = format_string("{\"address\":\"%s:%d\"}", dial->second ? "[::1]" : "127.0.0.1", dial->port);
  answer_result(connection, dial->request, text);
  free(text);
  connection_pause(connection, false);
  connection->handler->input(connection);
}

// Both directions have ended, or one has failed.
static void finish(struct dial *dial, bool failed) {
  struct connection *connection = dial->connection;
  connection->stream = NULL;
  dial_free(dial);
  if (failed) connection_cut(connection);
  else connection_end(connection);
}

// Returns false when the dial is gone.
static bool relay_to_pod(struct dial *dial) {
  struct connection *connection = dial->connection;
  while (connection->in.length > 0) {
    ssize_t written = send(dial->socket.fd, connection->in.data, connection->in.length, MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      finish(dial, true);
      return false;
    }
    buffer_consume(&connection->in, (size_t)written);
  }
  if (connection->in.length == 0 && connection->input_closed && !dial->write_done) {
    shutdown(dial->socket.fd, SHUT_WR);
    dial->write_done = true;
  }
  connection_pause(connection, connection->in.length >= RELAY_LIMIT);
  if (!dial->read_done || !dial->write_done) return true;
  finish(dial, false);
  return false;
}

static bool relay_from_pod(struct dial *dial) {
  struct connection *connection = dial->connection;
  char bytes[RELAY_CHUNK];
  ssize_t length = recv(dial->socket.fd, bytes, sizeof bytes, 0);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (length < 0) {
    finish(dial, true);
    return false;
  }
  if (length > 0) {
    connection_send(connection, bytes, (size_t)length);
    return true;
  }
  dial->read_done = true;
  if (dial->write_done) {
    finish(dial, false);
    return false;
  }
  if (connection->out.length == 0) shutdown(connection->source.fd, SHUT_WR);
  else connection->half_close = true;
  return true;
}

static void socket_ready(struct event_source *source, uint32_t events) {
  struct dial *dial = source->owner;
  if (!dial->connected) {
    connect_ready(dial);
    return;
  }
  bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !dial->read_done;
  if (readable && !relay_from_pod(dial)) return;
  if ((events & EPOLLOUT) != 0 && !relay_to_pod(dial)) return;
  bool dead = (events & (EPOLLHUP | EPOLLERR)) != 0 && dial->read_done;
  if (dead) finish(dial, true);
  else dial_update(dial);
}

static void dial_input(struct connection *connection) {
  struct dial *dial = connection->stream;
  if (dial != NULL && dial->connected && relay_to_pod(dial)) dial_update(dial);
}

static void dial_drained(struct connection *connection) {
  if (connection->stream != NULL) dial_update(connection->stream);
}

static void dial_closed(struct connection *connection) {
  if (connection->stream != NULL) dial_free(connection->stream);
}

static const struct connection_events dial_events = {dial_input, dial_input, dial_drained, dial_closed};

int dial_command(struct request *request, struct failure *failure) {
  int64_t port = 0;
  if (!request->monitor->sandbox.ready) return fail(failure, "SandboxNotReady", "the sandbox is not ready");
  if (json_read_integer(request->document, "port", &port, failure) < 0) return -1;
  if (port < 1 || port > 65535) return fail(failure, "InvalidRequest", "field \"port\" must be a port");
  struct dial *dial = allocate(1, sizeof *dial);
  *dial = (struct dial){
      .monitor = request->monitor, .connection = request->connection, .request = request->id, .port = (uint16_t)port};
  dial->socket = (struct event_source){.fd = -1, .ready = socket_ready, .owner = dial};
  if (try_connect(dial) < 0) {
    connect_failure(dial, failure);
    dial_free(dial);
    return -1;
  }
  request->deferred = true;
  request->connection->pending++;
  request->connection->handler = &dial_events;
  request->connection->stream = dial;
  connection_pause(request->connection, true);
  return 0;
}

// A connection to the control socket: requests at first, then perhaps a stream.
#ifndef NOCHER_CONNECTION_H
#define NOCHER_CONNECTION_H

#include "monitor.h"

struct connection;
// What a stream does with its connection. The request loop is one of them.
struct connection_events {
  // Looks at `connection->in`; consumes what it can. Called when bytes came and after connection_resume.
  void (*input)(struct connection *connection);
  void (*input_ended)(struct connection *connection);
  // `out` has become short (below half of its limit).
  void (*output_drained)(struct connection *connection);
  // The connection is going away; `stream` must let go of it.
  void (*closed)(struct connection *connection);
};

struct connection {
  struct monitor *monitor;
  struct connection *next;
  struct event_source source;
  const struct connection_events *handler;
  void *stream;  // of exec, attach or dial
  struct buffer in;
  struct buffer out;
  size_t output_limit;  // beyond it the connection is cut off
  bool paused;          // do not read
  bool input_closed;
  bool ending;      // close when `out` is empty and the client has closed its side
  bool half_close;  // shut down writing when `out` is empty
  bool broken;
  bool watching;  // gets events
  int pending;    // answers that come later
  bool stops;     // asked for shutdown
  int64_t stopping_request;
};

int control_listen(struct monitor *monitor, const char *path, struct failure *failure);
// Whether a monitor answers there.
bool control_is_live(const char *path);
void control_close(struct monitor *monitor);
// Serves connections of a listening socket.
void control_accept_from(struct monitor *monitor, int fd);
void connection_send(struct connection *connection, const void *bytes, size_t length);
// Header and payload of README section 6.
enum frame_type {
  FRAME_STDIN,
  FRAME_STDIN_CLOSE,
  FRAME_RESIZE,
  FRAME_SIGNAL,
  FRAME_STDOUT = 16,
  FRAME_STDERR,
  FRAME_EXIT,
  FRAME_ERROR
};
void connection_send_frame(struct connection *connection, int type, const void *payload, size_t length);
// The next whole frame of `in`: its length without header, -1 when there is none yet, -2 when it is too long.
struct frame {
  int type;
  const unsigned char *payload;
  size_t length;
};
int connection_peek_frame(const struct connection *connection, struct frame *frame);
void connection_drop_frame(struct connection *connection, const struct frame *frame);
void connection_pause(struct connection *connection, bool paused);
// Shuts down after what is queued has been sent, and closes when the client has. The handler is called no more.
void connection_end(struct connection *connection);
// As soon as possible, by an event: safe to call while the connection is in use.
void connection_cut(struct connection *connection);
void connection_update(struct connection *connection);
// The request loop's events, for streams that could not start.
extern const struct connection_events request_events;

// Answers (README section 3). `result` is an object's JSON.
void answer_result(struct connection *connection, int64_t request, const char *result);
void answer_failure(struct connection *connection, int64_t request, const struct failure *failure);
#endif

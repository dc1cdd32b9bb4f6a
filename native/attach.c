// `attach`: clients that share a running container's input and output. None of them can delay it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "commands.h"
#include "streams.h"

enum { ATTACH_LIMIT = 1 << 20 };

struct attachment {
  struct attachment *next;
  struct container *container;
  struct connection *connection;
  bool input;
  bool wants[2];
};

static void detach(struct attachment *attachment) {
  struct container *container = attachment->container;
  struct attachment **link = &container->attachments;
  while (*link != attachment) link = &(*link)->next;
  *link = attachment->next;
  attachment->connection->stream = NULL;
  free(attachment);
}

static void cut_off(struct attachment *attachment) {
  static const char text[] = "{\"code\":\"Failed\",\"message\":\"client too slow\"}";
  struct connection *connection = attachment->connection;
  connection_send_frame(connection, FRAME_ERROR, text, strlen(text));
  detach(attachment);
  connection_end(connection);
}

void attachments_output(struct container *container, int stream, const char *bytes, size_t length) {
  struct attachment *next;
  for (struct attachment *attachment = container->attachments; attachment != NULL; attachment = next) {
    next = attachment->next;
    if (!attachment->wants[stream]) continue;
    if (attachment->connection->out.length + length > ATTACH_LIMIT) cut_off(attachment);
    else
      connection_send_frame(attachment->connection, stream == OUTPUT_STDERR ? FRAME_STDERR : FRAME_STDOUT, bytes,
                            length);
  }
}

void attachments_input_drained(struct container *container) {
  struct attachment *next;
  for (struct attachment *attachment = container->attachments; attachment != NULL; attachment = next) {
    next = attachment->next;
    connection_pause(attachment->connection, false);
    attachment->connection->handler->input(attachment->connection);
  }
}

void attachments_exited(struct container *container) {
  struct buffer out = {0};
  write_exit(&out, &container->process, false);
  while (container->attachments != NULL) {
    struct connection *connection = container->attachments->connection;
    detach(container->attachments);
    connection_send_frame(connection, FRAME_EXIT, out.data, out.length);
    connection_end(connection);
  }
  buffer_free(&out);
}

static void end_input(struct attachment *attachment) {
  if (attachment->input && attachment->container->stdin_once) process_close_input(&attachment->container->process);
}

static void take_frame(struct attachment *attachment, const struct frame *frame) {
  struct process *process = &attachment->container->process;
  uint16_t size[2];
  if (frame->type == FRAME_STDIN && attachment->input) process_write(process, frame->payload, frame->length);
  if (frame->type == FRAME_STDIN_CLOSE) end_input(attachment);
  if (frame->type == FRAME_RESIZE && frame->length == sizeof size) {
    memcpy(size, frame->payload, sizeof size);
    process_resize(process, ntohs(size[0]), ntohs(size[1]));
  }
}

static void attach_input(struct connection *connection) {
  struct attachment *attachment = connection->stream;
  struct frame frame;
  int outcome = -1;
  if (attachment == NULL) return;
  const struct process *process = &attachment->container->process;
  while (process->pending.length < INPUT_LIMIT && (outcome = connection_peek_frame(connection, &frame)) == 0) {
    take_frame(attachment, &frame);
    connection_drop_frame(connection, &frame);
  }
  if (outcome == -2) connection_cut(connection);
  else if (process->pending.length >= INPUT_LIMIT) connection_pause(connection, true);
}

static void attach_input_ended(struct connection *connection) {
  if (connection->stream != NULL) end_input(connection->stream);
}

static void attach_closed(struct connection *connection) {
  if (connection->stream == NULL) return;
  end_input(connection->stream);
  detach(connection->stream);
}

static const struct connection_events attach_events = {attach_input, attach_input_ended, NULL, attach_closed};

static void begin(struct request *request) {
  struct connection *connection = request->connection;
  connection_pause(connection, false);
  connection->handler->input(connection);
}

int attach_command(struct request *request, struct failure *failure) {
  struct container *container = request_container(request, true, failure);
  bool input = false;
  bool output = true;
  bool error = true;
  if (container == NULL || json_read_boolean(request->document, "stdin", &input, failure) < 0) return -1;
  if (json_read_boolean(request->document, "stdout", &output, failure) < 0) return -1;
  if (json_read_boolean(request->document, "stderr", &error, failure) < 0) return -1;
  if (input && !container->has_stdin && !container->process.tty)
    return fail(failure, "InvalidRequest", "the container has no stdin");
  struct attachment *attachment = allocate(1, sizeof *attachment);
  *attachment = (struct attachment){container->attachments, container, request->connection, input, {output, error}};
  container->attachments = attachment;
  request->connection->handler = &attach_events;
  request->connection->stream = attachment;
  buffer_text(&request->result, container->process.tty ? "{\"tty\":true}" : "{\"tty\":false}");
  request->after = begin;
  return 0;
}

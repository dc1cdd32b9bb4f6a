// The control protocol's request loop: lines in, the command table, answers out.
#include <string.h>

#include "commands.h"
#include "connection.h"
#include "container.h"

enum { LINE_LIMIT = 4 << 20 };

static void begin_answer(struct buffer *out, int64_t request, bool ok) {
  json_open(out, '{');
  json_put_integer(out, "version", 1);
  json_key(out, "id");
  if (request < 0) json_null(out);
  else json_integer(out, request);
  json_put_boolean(out, "ok", ok);
}

static void send_answer(struct connection *connection, struct buffer *out) {
  buffer_text(out, "}\n");
  connection_send(connection, out->data, out->length);
  buffer_free(out);
}

void answer_result(struct connection *connection, int64_t request, const char *result) {
  struct buffer out = {0};
  begin_answer(&out, request, true);
  json_key(&out, "result");
  buffer_text(&out, result);
  send_answer(connection, &out);
}

void answer_failure(struct connection *connection, int64_t request, const struct failure *failure) {
  struct buffer out = {0};
  begin_answer(&out, request, false);
  json_put_failure(&out, failure);
  send_answer(connection, &out);
}

static int read_header(struct request *request, const char **command, struct failure *failure) {
  int64_t version = 0;
  int64_t id = -1;
  if (json_read_integer(request->document, "id", &id, failure) < 0) return -1;
  if (id < 0) return fail(failure, "InvalidRequest", "field \"id\" must be an integer from 0 on");
  request->id = id;
  if (json_read_integer(request->document, "version", &version, failure) < 0) return -1;
  if (version != 1) return fail(failure, "UnsupportedVersion", "version %lld is not supported", (long long)version);
  return json_require_string(request->document, "command", command, failure);
}

static int run(struct request *request, struct failure *failure) {
  const char *command;
  if (read_header(request, &command, failure) < 0) return -1;
  for (const struct command *entry = COMMANDS; entry->name != NULL; entry++) {
    if (strcmp(entry->name, command) == 0) return entry->run(request, failure);
  }
  return fail(failure, "InvalidRequest", "unknown command \"%s\"", command);
}

static void handle_line(struct connection *connection, const char *line, size_t length) {
  struct failure failure = {0};
  struct request request = {.monitor = connection->monitor, .connection = connection, .id = -1};
  request.document = json_parse(line, length, &failure);
  int result = request.document == NULL ? -1 : run(&request, &failure);
  if (result < 0) {
    answer_failure(connection, request.id, &failure);
    if (request.id < 0) connection_end(connection);
  } else if (!request.deferred) {
    if (request.result.length == 0) buffer_text(&request.result, "{}");
    buffer_append(&request.result, "", 1);
    answer_result(connection, request.id, request.result.data);
  }
  if (request.after != NULL) request.after(&request);
  buffer_free(&request.result);
  if (request.document != NULL) json_free(request.document);
}

// Stops as soon as a command has taken over the connection or paused it.
static void requests_input(struct connection *connection) {
  while (connection->handler == &request_events && !connection->paused && connection->in.length > 0) {
    char *newline = memchr(connection->in.data, '\n', connection->in.length);
    if (newline == NULL) break;
    size_t length = (size_t)(newline - connection->in.data);
    struct buffer copy = {0};
    buffer_append(&copy, connection->in.data, length);
    buffer_consume(&connection->in, length + 1);
    handle_line(connection, copy.data, copy.length);
    buffer_free(&copy);
  }
  if (connection->handler != &request_events || connection->in.length <= LINE_LIMIT) return;
  struct failure failure = {0};
  fail(&failure, "InvalidRequest", "request longer than %d bytes", LINE_LIMIT);
  answer_failure(connection, -1, &failure);
  connection_end(connection);
}

// Answers that are still to come keep the connection.
static void requests_ended(struct connection *connection) {
  if (connection->pending == 0 && !connection->watching) connection_end(connection);
}

const struct connection_events request_events = {.input = requests_input, .input_ended = requests_ended};

// JSON writer. Bytes that are not UTF-8 (container output never comes here, but kernel paths may) become U+FFFD.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "names.h"

static void separate(struct buffer *out) {
  if (out->length == 0) return;
  char last = out->data[out->length - 1];
  if (last != '{' && last != '[' && last != ':' && last != '\n') buffer_append(out, ",", 1);
}

void json_open(struct buffer *out, char bracket) {
  separate(out);
  buffer_append(out, &bracket, 1);
}

void json_close(struct buffer *out, char bracket) { buffer_append(out, &bracket, 1); }

// Length of the UTF-8 sequence at `text`, or 0 when it is not one.
static size_t sequence_length(const unsigned char *text) {
  size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : 0;
  if (text[0] >= 0xf0 && text[0] < 0xf5) length = 4;
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  if (text[0] == 0xe0 && text[1] < 0xa0) return 0;
  if (text[0] == 0xf0 && text[1] < 0x90) return 0;
  return length;
}

void json_string(struct buffer *out, const char *text) {
  separate(out);
  buffer_append(out, "\"", 1);
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    size_t length = sequence_length(at);
    if (length == 0) {
      buffer_text(out, "\xef\xbf\xbd");
      length = 1;
    } else if (*at == '"' || *at == '\\') {
      char escaped[2] = {'\\', (char)*at};
      buffer_append(out, escaped, 2);
    } else if (*at < 0x20) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", *at);
      buffer_text(out, escaped);
    } else {
      buffer_append(out, at, length);
    }
    at += length;
  }
  buffer_append(out, "\"", 1);
}

void json_key(struct buffer *out, const char *key) {
  json_string(out, key);
  buffer_append(out, ":", 1);
}

void json_integer(struct buffer *out, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, value);
  separate(out);
  buffer_text(out, text);
}

void json_boolean(struct buffer *out, bool value) {
  separate(out);
  buffer_text(out, value ? "true" : "false");
}

void json_null(struct buffer *out) {
  separate(out);
  buffer_text(out, "null");
}

void json_put_string(struct buffer *out, const char *key, const char *text) {
  json_key(out, key);
  if (text == NULL) json_null(out);
  else json_string(out, text);
}

void json_put_integer(struct buffer *out, const char *key, int64_t value) {
  json_key(out, key);
  json_integer(out, value);
}

void json_put_boolean(struct buffer *out, const char *key, bool value) {
  json_key(out, key);
  json_boolean(out, value);
}

void json_put_strings(struct buffer *out, const char *key, const struct strings *list) {
  json_key(out, key);
  json_open(out, '[');
  for (size_t i = 0; i < list->count; i++) json_string(out, list->items[i]);
  json_close(out, ']');
}

void json_put_failure(struct buffer *out, const struct failure *failure) {
  json_key(out, "error");
  json_open(out, '{');
  json_put_string(out, "code", failure->code == NULL ? "Failed" : failure->code);
  json_put_string(out, "message", failure->message);
  if (failure->stage != NULL) json_put_string(out, "stage", failure->stage);
  if (failure->error != 0) json_put_string(out, "errno", errno_name(failure->error));
  if (failure->code != NULL && strcmp(failure->code, "UnsupportedVersion") == 0) {
    json_key(out, "supported");
    json_open(out, '[');
    json_integer(out, 1);
    json_close(out, ']');
  }
  json_close(out, '}');
}

void format_time(int64_t nanoseconds, char *text, size_t size) {
  time_t seconds = (time_t)(nanoseconds / 1000000000);
  struct tm parts;
  gmtime_r(&seconds, &parts);
  snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
           parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(nanoseconds % 1000000000));
}

void json_put_time(struct buffer *out, const char *key, int64_t nanoseconds) {
  char text[64];
  format_time(nanoseconds, text, sizeof text);
  json_put_string(out, key, text);
}

// JSON parser: strict, bounded depth, strings without U+0000.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { MAX_DEPTH = 64 };

struct reader {
  const char *at;
  const char *end;
};

static struct json *read_value(struct reader *reader, int depth);

static void skip_space(struct reader *reader) {
  while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL && *reader->at != '\0') reader->at++;
}

static bool accept(struct reader *reader, const char *text) {
  size_t length = strlen(text);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0) return false;
  reader->at += length;
  return true;
}

static int hex_digits(struct reader *reader) {
  int value = 0;
  if (reader->end - reader->at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    char c = *reader->at++;
    if (c >= '0' && c <= '9') value = value * 16 + (c - '0');
    else if (c >= 'a' && c <= 'f') value = value * 16 + (c - 'a') + 10;
    else if (c >= 'A' && c <= 'F') value = value * 16 + (c - 'A') + 10;
    else return -1;
  }
  return value;
}

static void append_utf8(struct buffer *out, unsigned int code) {
  char bytes[4];
  size_t length;
  if (code < 0x80) {
    bytes[0] = (char)code;
    length = 1;
  } else if (code < 0x800) {
    bytes[0] = (char)(0xc0 | (code >> 6));
    bytes[1] = (char)(0x80 | (code & 0x3f));
    length = 2;
  } else if (code < 0x10000) {
    bytes[0] = (char)(0xe0 | (code >> 12));
    bytes[1] = (char)(0x80 | ((code >> 6) & 0x3f));
    bytes[2] = (char)(0x80 | (code & 0x3f));
    length = 3;
  } else {
    bytes[0] = (char)(0xf0 | (code >> 18));
    bytes[1] = (char)(0x80 | ((code >> 12) & 0x3f));
    bytes[2] = (char)(0x80 | ((code >> 6) & 0x3f));
    bytes[3] = (char)(0x80 | (code & 0x3f));
    length = 4;
  }
  buffer_append(out, bytes, length);
}

static bool read_unicode_escape(struct reader *reader, struct buffer *out) {
  int high = hex_digits(reader);
  if (high <= 0) return false;
  unsigned int code = (unsigned int)high;
  if (code >= 0xd800 && code < 0xdc00 && accept(reader, "\\u")) {
    int low = hex_digits(reader);
    if (low < 0xdc00 || low > 0xdfff) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned int)low - 0xdc00);
  } else if (code >= 0xd800 && code < 0xe000) {
    code = 0xfffd;
  }
  append_utf8(out, code);
  return true;
}

static bool read_escape(struct reader *reader, struct buffer *out) {
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  if (reader->at >= reader->end) return false;
  char c = *reader->at++;
  if (c == 'u') return read_unicode_escape(reader, out);
  const char *found = c == '\0' ? NULL : strchr(from, c);
  if (found == NULL) return false;
  buffer_append(out, to + (found - from), 1);
  return true;
}

static char *read_string(struct reader *reader) {
  if (!accept(reader, "\"")) return NULL;
  struct buffer out = {0};
  while (reader->at < reader->end) {
    char c = *reader->at++;
    if (c == '"') {
      buffer_append(&out, "", 1);
      return out.data;
    }
    if ((unsigned char)c < 0x20) break;
    if (c == '\\') {
      if (!read_escape(reader, &out)) break;
    } else {
      buffer_append(&out, &c, 1);
    }
  }
  buffer_free(&out);
  return NULL;
}

static bool read_number(struct reader *reader, double *result) {
  char text[64];
  size_t length = 0;
  while (reader->at < reader->end && *reader->at != '\0' && strchr("+-.eE0123456789", *reader->at) != NULL) {
    if (length + 1 >= sizeof text) return false;
    text[length++] = *reader->at++;
  }
  text[length] = '\0';
  if (length == 0 || text[0] == '+' || text[0] == '.') return false;
  char *end = NULL;
  *result = strtod(text, &end);
  return *end == '\0' && isfinite(*result);
}

static bool read_member(struct reader *reader, struct json *parent, struct json **item, int depth) {
  char *key = NULL;
  if (parent->type == JSON_OBJECT) {
    skip_space(reader);
    key = read_string(reader);
    if (key == NULL) return false;
    skip_space(reader);
    if (!accept(reader, ":")) {
      free(key);
      return false;
    }
  }
  *item = read_value(reader, depth + 1);
  if (*item == NULL) {
    free(key);
    return false;
  }
  (*item)->key = key;
  return true;
}

static bool read_children(struct reader *reader, struct json *parent, int depth) {
  const char *closing = parent->type == JSON_OBJECT ? "}" : "]";
  struct json **tail = &parent->child;
  skip_space(reader);
  if (accept(reader, closing)) return true;
  while (depth < MAX_DEPTH && read_member(reader, parent, tail, depth)) {
    tail = &(*tail)->next;
    skip_space(reader);
    if (accept(reader, closing)) return true;
    if (!accept(reader, ",")) return false;
  }
  return false;
}

static bool fill_value(struct reader *reader, struct json *value, int depth) {
  if (accept(reader, "null")) return true;
  if (accept(reader, "true") || accept(reader, "false")) {
    value->type = JSON_BOOLEAN;
    value->boolean = reader->at[-2] == 'u';
    return true;
  }
  if (accept(reader, "{")) {
    value->type = JSON_OBJECT;
    return read_children(reader, value, depth);
  }
  if (accept(reader, "[")) {
    value->type = JSON_ARRAY;
    return read_children(reader, value, depth);
  }
  if (reader->at < reader->end && *reader->at == '"') {
    value->type = JSON_STRING;
    value->string = read_string(reader);
    return value->string != NULL;
  }
  value->type = JSON_NUMBER;
  return read_number(reader, &value->number);
}

static struct json *read_value(struct reader *reader, int depth) {
  skip_space(reader);
  struct json *value = allocate(1, sizeof *value);
  if (fill_value(reader, value, depth)) return value;
  json_free(value);
  return NULL;
}

struct json *json_parse(const char *text, size_t length, struct failure *failure) {
  struct reader reader = {text, text + length};
  struct json *value = read_value(&reader, 0);
  skip_space(&reader);
  if (value != NULL && reader.at == reader.end) return value;
  if (value != NULL) json_free(value);
  fail(failure, "InvalidRequest", "not a JSON document (at byte %zu)", (size_t)(reader.at - text));
  return NULL;
}

void json_free(struct json *value) {
  while (value != NULL) {
    struct json *next = value->next;
    json_free(value->child);
    free(value->string);
    free(value->key);
    free(value);
    value = next;
  }
}

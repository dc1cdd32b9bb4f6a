// The pod's network: a veth pair on a bridge, addresses, default routes, loopback.
#ifndef NOCHER_NETWORK_H
#define NOCHER_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "json.h"

struct ip_address {
  int family;  // AF_INET, AF_INET6, 0: none
  unsigned char bytes[16];
  int prefix;
};

struct network_config {
  bool wanted;
  const char *host_interface;
  const char *interface;
  const char *bridge;  // "" when none
  int64_t mtu;
  bool hairpin;
  struct ip_address addresses[2];
  struct ip_address gateways[2];
  size_t address_count;
  size_t gateway_count;
  unsigned char mac[6];
};

bool interface_name_valid(const char *name);
// `text` is "address" or "address/prefix"; -1 when it is neither.
int ip_address_parse(const char *text, struct ip_address *address);
// 0a:58 and the IPv4 address, as the CNI bridge plugin does: an address that moves to another pod keeps its MAC.
void mac_from_address(const struct ip_address *address, unsigned char mac[6]);
void mac_format(const unsigned char mac[6], char text[18]);

int network_read(const struct json *object, struct network_config *config, struct failure *failure);
// `host` and `pod` are netlink sockets in the two namespaces. Returns the host interface's index, 0 when none is
// wanted, or -1.
int network_create(const struct network_config *config, int host, int pod, int pod_namespace_fd,
                   struct failure *failure);
void network_delete(int netlink, const char *interface);
// Loopback or any other link up.
int link_up(int netlink, int index);
int address_add(int netlink, int index, const struct ip_address *address);

// Creates or completes a bridge (the `bridge ensure` command); returns its index or -1.
struct bridge_config {
  const char *name;
  int64_t mtu;
  struct ip_address addresses[2];
  size_t address_count;
};
int bridge_ensure(int netlink, const struct bridge_config *config, struct failure *failure);
#endif

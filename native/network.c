// The pod's network, made with rtnetlink alone.
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

bool interface_name_valid(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
  return strpbrk(name, "/ :%\t\n") == NULL;
}

int ip_address_parse(const char *text, struct ip_address *address) {
  char copy[64];
  if (strlen(text) >= sizeof copy) return -1;
  strcpy(copy, text);
  char *slash = strchr(copy, '/');
  if (slash != NULL) *slash++ = '\0';
  address->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
  if (inet_pton(address->family, copy, address->bytes) != 1) return -1;
  int widest = address->family == AF_INET ? 32 : 128;
  address->prefix = widest;
  if (slash == NULL) return 0;
  char *end = NULL;
  long prefix = strtol(slash, &end, 10);
  if (end == slash || *end != '\0' || prefix < 0 || prefix > widest) return -1;
  address->prefix = (int)prefix;
  return 0;
}

static size_t address_size(const struct ip_address *address) { return address->family == AF_INET ? 4 : 16; }

void mac_from_address(const struct ip_address *address, unsigned char mac[6]) {
  mac[0] = 0x0a;
  mac[1] = 0x58;
  memcpy(mac + 2, address->bytes + address_size(address) - 4, 4);
}

void mac_format(const unsigned char mac[6], char text[18]) {
  snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static int read_addresses(const struct json *object, const char *key, struct ip_address *result, size_t *count,
                          struct failure *failure) {
  struct strings texts = {0};
  int outcome = json_read_strings(object, key, &texts, failure);
  for (size_t i = 0; outcome == 0 && i < texts.count; i++) {
    if (i == 2 || ip_address_parse(texts.items[i], &result[i]) < 0) {
      outcome = fail(failure, "InvalidRequest", "field \"%s\" holds \"%s\"", key, texts.items[i]);
    } else {
      *count = i + 1;
    }
  }
  strings_free(&texts);
  return outcome;
}

static int read_mac(const struct json *object, struct network_config *config, struct failure *failure) {
  const char *text = "";
  if (json_read_string(object, "mac", &text, failure) < 0) return -1;
  unsigned char *m = config->mac;
  if (*text == '\0') {
    if (config->address_count > 0) mac_from_address(&config->addresses[0], m);
    return 0;
  }
  int count = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]);
  return count == 6 && strlen(text) == 17 ? 0 : fail(failure, "InvalidRequest", "field \"mac\" holds \"%s\"", text);
}

int network_read(const struct json *object, struct network_config *config, struct failure *failure) {
  *config = (struct network_config){.interface = "eth0", .bridge = "", .mtu = 1500, .hairpin = true};
  if (object == NULL) return 0;
  config->wanted = true;
  if (json_require_string(object, "hostInterface", &config->host_interface, failure) < 0) return -1;
  if (json_read_string(object, "interface", &config->interface, failure) < 0) return -1;
  if (json_read_string(object, "bridge", &config->bridge, failure) < 0) return -1;
  if (json_read_integer(object, "mtu", &config->mtu, failure) < 0) return -1;
  if (json_read_boolean(object, "hairpin", &config->hairpin, failure) < 0) return -1;
  if (read_addresses(object, "addresses", config->addresses, &config->address_count, failure) < 0) return -1;
  if (read_addresses(object, "gateways", config->gateways, &config->gateway_count, failure) < 0) return -1;
  bool valid = interface_name_valid(config->host_interface) && interface_name_valid(config->interface) &&
               (*config->bridge == '\0' || interface_name_valid(config->bridge)) && config->mtu >= 68 &&
               config->mtu <= 65535;
  if (!valid) return fail(failure, "InvalidRequest", "field \"network\" holds a wrong interface name or mtu");
  return read_mac(object, config, failure);
}

static int create_veth(const struct network_config *config, int netlink, int pod_namespace_fd) {
  struct netlink_request request;
  struct ifinfomsg link = {0};
  netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  netlink_put_text(&request, IFLA_IFNAME, config->host_interface);
  netlink_put_u32(&request, IFLA_MTU, (uint32_t)config->mtu);
  size_t info = netlink_nest(&request, IFLA_LINKINFO);
  netlink_put_text(&request, IFLA_INFO_KIND, "veth");
  size_t data = netlink_nest(&request, IFLA_INFO_DATA);
  size_t peer = netlink_nest(&request, VETH_INFO_PEER);
  netlink_put_raw(&request, &link, sizeof link);
  netlink_put_text(&request, IFLA_IFNAME, config->interface);
  netlink_put_u32(&request, IFLA_MTU, (uint32_t)config->mtu);
  netlink_put_u32(&request, IFLA_NET_NS_FD, (uint32_t)pod_namespace_fd);
  if (config->mac[0] != 0) netlink_put(&request, IFLA_ADDRESS, config->mac, 6);
  netlink_end(&request, peer);
  netlink_end(&request, data);
  netlink_end(&request, info);
  return netlink_send(netlink, &request);
}

// One request: no IPv6 of its own on the host side, up, and on the bridge.
static int attach_host_side(int netlink, int index, int bridge) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  if (bridge > 0) netlink_put_u32(&request, IFLA_MASTER, (uint32_t)bridge);
  return netlink_send(netlink, &request);
}

static void disable_host_ipv6(int netlink, int index) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_index = index};
  unsigned char mode = IN6_ADDR_GEN_MODE_NONE;
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  size_t spec = netlink_nest(&request, IFLA_AF_SPEC);
  size_t family = netlink_nest(&request, AF_INET6);
  netlink_put(&request, IFLA_INET6_ADDR_GEN_MODE, &mode, 1);
  netlink_end(&request, family);
  netlink_end(&request, spec);
  // Without IPv6 in the kernel there is nothing to switch off.
  netlink_send(netlink, &request);
}

static int set_hairpin(int netlink, int index) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_family = AF_BRIDGE, .ifi_index = index};
  unsigned char on = 1;
  netlink_begin(&request, RTM_SETLINK, 0, &link, sizeof link);
  size_t port = netlink_nest(&request, IFLA_PROTINFO | NLA_F_NESTED);
  netlink_put(&request, IFLA_BRPORT_MODE, &on, 1);
  netlink_end(&request, port);
  return netlink_send(netlink, &request);
}

int link_up(int netlink, int index) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  return netlink_send(netlink, &request);
}

int address_add(int netlink, int index, const struct ip_address *address) {
  struct netlink_request request;
  struct ifaddrmsg message = {.ifa_family = (unsigned char)address->family,
                              .ifa_prefixlen = (unsigned char)address->prefix,
                              .ifa_index = (unsigned)index};
  // Duplicate address detection would leave the address unusable for a second.
  if (address->family == AF_INET6) message.ifa_flags = IFA_F_NODAD;
  netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof message);
  netlink_put(&request, IFA_LOCAL, address->bytes, address_size(address));
  netlink_put(&request, IFA_ADDRESS, address->bytes, address_size(address));
  if (address->family == AF_INET) {
    uint32_t mask = address->prefix == 0 ? 0 : htonl(0xffffffffu << (32 - address->prefix));
    uint32_t local;
    memcpy(&local, address->bytes, 4);
    uint32_t broadcast = local | ~mask;
    if (address->prefix < 31) netlink_put_u32(&request, IFA_BROADCAST, broadcast);
  }
  return netlink_send(netlink, &request);
}

static int default_route_add(int netlink, int index, const struct ip_address *gateway) {
  struct netlink_request request;
  struct rtmsg route = {.rtm_family = (unsigned char)gateway->family,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_UNIVERSE,
                        .rtm_type = RTN_UNICAST,
                        .rtm_flags = RTNH_F_ONLINK};
  netlink_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
  netlink_put(&request, RTA_GATEWAY, gateway->bytes, address_size(gateway));
  netlink_put_u32(&request, RTA_OIF, (uint32_t)index);
  return netlink_send(netlink, &request);
}

static int configure_pod_side(const struct network_config *config, int pod, struct failure *failure) {
  int index = netlink_find_link(pod, config->interface, NULL);
  if (index < 0) return fail_errno(failure, "find %s in the pod", config->interface);
  for (size_t i = 0; i < config->address_count; i++) {
    if (address_add(pod, index, &config->addresses[i]) < 0)
      return fail_errno(failure, "add address to %s", config->interface);
  }
  if (link_up(pod, index) < 0) return fail_errno(failure, "set %s up", config->interface);
  for (size_t i = 0; i < config->gateway_count; i++) {
    if (default_route_add(pod, index, &config->gateways[i]) < 0) return fail_errno(failure, "add default route");
  }
  return 0;
}

static int configure_host_side(const struct network_config *config, int host, struct failure *failure) {
  int index = netlink_find_link(host, config->host_interface, NULL);
  if (index < 0) return fail_errno(failure, "find %s", config->host_interface);
  int bridge = 0;
  if (*config->bridge != '\0') bridge = netlink_find_link(host, config->bridge, NULL);
  if (bridge < 0) return fail_errno(failure, "attach %s to bridge %s", config->host_interface, config->bridge);
  disable_host_ipv6(host, index);
  if (attach_host_side(host, index, bridge) < 0) {
    return fail_errno(failure, "attach %s to bridge %s", config->host_interface, config->bridge);
  }
  if (bridge > 0 && config->hairpin && set_hairpin(host, index) < 0) {
    return fail_errno(failure, "set hairpin on %s", config->host_interface);
  }
  return index;
}

int network_create(const struct network_config *config, int host, int pod, int pod_namespace_fd,
                   struct failure *failure) {
  if (link_up(pod, 1) < 0) return fail_errno(failure, "set lo up");
  if (!config->wanted) return 0;
  if (create_veth(config, host, pod_namespace_fd) < 0) {
    return fail_errno(failure, "create veth %s", config->host_interface);
  }
  int index = configure_host_side(config, host, failure);
  if (index > 0 && configure_pod_side(config, pod, failure) == 0) return index;
  network_delete(host, config->host_interface);
  return -1;
}

void network_delete(int netlink, const char *interface) {
  int index = netlink_find_link(netlink, interface, NULL);
  if (index < 0) return;
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_index = index};
  netlink_begin(&request, RTM_DELLINK, 0, &link, sizeof link);
  netlink_send(netlink, &request);
}

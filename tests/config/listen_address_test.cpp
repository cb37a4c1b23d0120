#include "app/listen_address.hpp"

#include <gtest/gtest.h>

namespace windfall::app {
namespace {

TEST(ListenAddress, ReadsHostAndPort) {
  struct Row {
    const char* text;
    const char* host;
    std::uint16_t port;
    bool loopback;
    const char* shown;
  };
  for (const Row& row :
       {Row{"127.0.0.1:8080", "127.0.0.1", 8080, true, "127.0.0.1"},
        Row{"127.8.9.10:1", "127.8.9.10", 1, true, "127.8.9.10"}, Row{"localhost:0", "localhost", 0, true, "localhost"},
        Row{"[::1]:65535", "::1", 65535, true, "[::1]"}, Row{"0.0.0.0:80", "0.0.0.0", 80, false, "0.0.0.0"},
        Row{"[::]:80", "::", 80, false, "[::]"}, Row{"[fe80::1%eth0]:80", "fe80::1%eth0", 80, false, "[fe80::1%eth0]"},
        Row{"web-1.shop.example:80", "web-1.shop.example", 80, false, "web-1.shop.example"},
        Row{"10.127.0.1:80", "10.127.0.1", 80, false, "10.127.0.1"},
        Row{"192.168.0.7:80", "192.168.0.7", 80, false, "192.168.0.7"}}) {
    const Result<ListenAddress> address = parse_listen_address(row.text);
    ASSERT_TRUE(address) << row.text << ": " << address.error().message;
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
    EXPECT_EQ(address->loopback, row.loopback) << row.text;
    EXPECT_EQ(address->shown_host(), row.shown) << row.text;
  }
}

TEST(ListenAddress, SaysWhatIsWrong) {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {Row{"", "'' is not HOST:PORT"},
                         Row{"8080", "'8080' is not HOST:PORT"},
                         Row{":8080", "':8080' is not HOST:PORT"},
                         Row{"localhost:", "'' is not a port (0..65535)"},
                         Row{"localhost:http", "'http' is not a port (0..65535)"},
                         Row{"localhost:65536", "'65536' is not a port (0..65535)"},
                         Row{"localhost:-1", "'-1' is not a port (0..65535)"},
                         Row{"localhost:80 ", "'80 ' is not a port (0..65535)"},
                         Row{"localhost:+80", "'+80' is not a port (0..65535)"},
                         Row{"[::1:80", "'[::1:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"::1]:80", "'::1]:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"::1:80", "'::1:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"[::1]", "'[::1]' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"[::1]x:80", "'[::1]x:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"x[::1]:80", "'x[::1]:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"[[::1]]:80", "'[[::1]]:80' has no IPv6 address in its brackets"},
                         Row{"[]:80", "'[]:80' has no IPv6 address in its brackets"},
                         Row{"[127.0.0.1]:80", "'[127.0.0.1]:80' has no IPv6 address in its brackets"},
                         Row{"[localhost]:80", "'[localhost]:80' has no IPv6 address in its brackets"},
                         Row{"[fe80::1%]:80", "'[fe80::1%]:80' has no IPv6 address in its brackets"},
                         Row{"local host:80", "'local host:80' has no valid host"},
                         Row{"a..b:80", "'a..b:80' has no valid host"},
                         Row{".a:80", "'.a:80' has no valid host"},
                         Row{"-a:80", "'-a:80' has no valid host"},
                         Row{"a-:80", "'a-:80' has no valid host"},
                         Row{"http://a:80", "'http://a:80' is not HOST:PORT or [IPv6]:PORT"},
                         Row{"300.0.0.1:80", "'300.0.0.1:80' has no valid host"},
                         Row{"1.2.3:80", "'1.2.3:80' has no valid host"},
                         Row{"*:80", "'*:80' has no valid host"}}) {
    const Result<ListenAddress> address = parse_listen_address(row.text);
    ASSERT_FALSE(address) << row.text;
    EXPECT_EQ(address.error().code, FailureCode::invalid);
    EXPECT_EQ(address.error().message, row.message);
  }
}

}  // namespace
}  // namespace windfall::app

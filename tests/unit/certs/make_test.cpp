#include "certs/make.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "certs/inspect.h"
#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::system_clock;

using Names = std::vector<std::string>;

const Names host{"vps.example.net"};

Options with(Existing existing) {
  Options options;
  options.existing = existing;
  return options;
}

Options valid_for(int count) {
  Options options;
  options.valid = days(count);
  return options;
}

Certificate first_of(const std::filesystem::path& path) {
  const auto file = load_certificate(path);
  EXPECT_TRUE(file) << message(file);
  return file ? file->first() : Certificate{};
}

TEST(Make, AnAuthoritySaysSoAndLastsTenYears) {
  const TemporaryDirectory directory;
  const system_clock::time_point now = std::chrono::floor<seconds>(system_clock::now());
  Options options;
  options.now = now;
  const auto made = make_authority(directory.path(), "", options);
  ASSERT_TRUE(made) << message(made);
  EXPECT_EQ(made->certificate, directory / "ca.pem");
  EXPECT_EQ(made->key, directory / "ca.key");

  const Certificate ca = first_of(directory / "ca.pem");
  EXPECT_TRUE(ca.is_ca);
  EXPECT_EQ(ca.common_name, "mpquic CA");
  EXPECT_EQ(ca.issuer, "mpquic CA");
  EXPECT_EQ(ca.not_before, now - minutes(5));
  EXPECT_EQ(ca.not_after, now + days(3650));
  EXPECT_EQ(ca.key_algorithm, "EC/ECDSA 256 bits");
  EXPECT_TRUE(check_pair(directory / "ca.pem", directory / "ca.key"));
}

TEST(Make, AnAuthorityMakesItsDirectory) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory / "etc/tls", "Example", {}));
  EXPECT_EQ(first_of(directory / "etc/tls/ca.pem").common_name, "Example");
}

TEST(Make, AServerAnswersToItsNamesAndToTheDefaultOne) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  const Names names{"VPS.example.net", "203.0.113.5", "2001:db8::1", "*.example.org", "vps.example.net"};
  ASSERT_TRUE(make_server(directory.path(), names, {}));
  const Certificate server = first_of(directory / "server.pem");
  EXPECT_EQ(server.dns_names, (Names{"vps.example.net", "*.example.org", "mpquic-server"}));
  EXPECT_EQ(server.ip_addresses, (Names{"203.0.113.5", "2001:db8::1"}));
  EXPECT_FALSE(server.is_ca);
  EXPECT_TRUE(server.for_servers);
  EXPECT_FALSE(server.for_clients);
  EXPECT_EQ(server.issuer, "mpquic CA");
  EXPECT_EQ(server.not_after - server.not_before, days(730) + minutes(5));
}

TEST(Make, AClientIsItsCommonNameAlone) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  const auto made = make_client(directory.path(), "box_1", valid_for(30));
  ASSERT_TRUE(made) << message(made);
  EXPECT_EQ(made->key, directory / "box_1.key");
  const Certificate client = first_of(directory / "box_1.pem");
  EXPECT_EQ(client.common_name, "box_1");
  EXPECT_TRUE(client.dns_names.empty());
  EXPECT_TRUE(client.for_clients);
  EXPECT_FALSE(client.for_servers);
  EXPECT_FALSE(client.is_ca);
  EXPECT_EQ(client.not_after - client.not_before, days(30) + minutes(5));
}

TEST(Make, SerialsAre128BitsPositiveAndNeverTheSame) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  std::vector<std::string> seen{first_of(directory / "ca.pem").serial};
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(make_client(directory.path(), "box" + std::to_string(i), {}));
    const std::string serial = first_of(directory / ("box" + std::to_string(i) + ".pem")).serial;
    EXPECT_EQ(serial.size(), 32u);
    EXPECT_TRUE(serial.front() >= '4' && serial.front() <= '7') << serial;
    EXPECT_EQ(std::ranges::count(seen, serial), 0) << serial;
    seen.push_back(serial);
  }
}

TEST(Make, KeysAreForTheOwnerAloneWhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{077}}) {
    const TemporaryDirectory directory;
    const mode_t before = ::umask(mask);
    const bool made = make_authority(directory.path(), "", {}) && make_server(directory.path(), host, {}) &&
                      make_client(directory.path(), "box1", {});
    ::umask(before);
    ASSERT_TRUE(made);
    for (const char* name : {"ca", "server", "box1"}) {
      EXPECT_EQ(mode(directory / (std::string(name) + ".key")), 0600u) << name;
      EXPECT_EQ(mode(directory / (std::string(name) + ".pem")), 0644u) << name;
    }
    EXPECT_EQ(directory.entries(), 6) << "something else was left behind";
  }
}

TEST(Make, RefusesToReplaceAnythingAndNamesIt) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  ASSERT_TRUE(make_server(directory.path(), host, {}));
  const std::string ca = contents(directory / "ca.pem"), server = contents(directory / "server.pem");

  EXPECT_TRUE(message(make_authority(directory.path(), "", {})).starts_with((directory / "ca.pem").string()));
  EXPECT_TRUE(message(make_server(directory.path(), host, {})).starts_with((directory / "server.pem").string()));
  EXPECT_EQ(contents(directory / "ca.pem"), ca);
  EXPECT_EQ(contents(directory / "server.pem"), server);

  directory.write("box1.key", "precious");
  EXPECT_TRUE(message(make_client(directory.path(), "box1", {})).starts_with((directory / "box1.key").string()));
  EXPECT_EQ(contents(directory / "box1.key"), "precious");
  EXPECT_FALSE(std::filesystem::exists(directory / "box1.pem"));
}

TEST(Make, ADanglingLinkIsNotReplacedEither) {
  const TemporaryDirectory directory;
  std::filesystem::create_symlink(directory / "elsewhere", directory / "ca.key");
  EXPECT_TRUE(message(make_authority(directory.path(), "", {})).starts_with((directory / "ca.key").string()));
  EXPECT_FALSE(std::filesystem::exists(directory / "elsewhere"));
}

TEST(Make, ReplacingMakesANewKey) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  ASSERT_TRUE(make_server(directory.path(), host, {}));
  const std::string key = contents(directory / "server.key"), certificate = contents(directory / "server.pem");
  const auto replaced = make_server(directory.path(), host, with(Existing::replace));
  ASSERT_TRUE(replaced) << message(replaced);
  EXPECT_NE(contents(directory / "server.key"), key);
  EXPECT_NE(contents(directory / "server.pem"), certificate);
  EXPECT_TRUE(check_pair(directory / "server.pem", directory / "server.key"));
  EXPECT_EQ(mode(directory / "server.key"), 0600u);
  EXPECT_EQ(directory.entries(), 4);
}

TEST(Make, ReplacingWhatIsNotThereMakesIt) {
  const TemporaryDirectory directory;
  const auto made = make_authority(directory.path(), "", with(Existing::replace));
  EXPECT_TRUE(made) << message(made);
  EXPECT_TRUE(check_pair(directory / "ca.pem", directory / "ca.key"));
}

TEST(Make, RenewingKeepsTheKeyFileAndTheNames) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  ASSERT_TRUE(make_server(directory.path(), Names{"vps.example.net", "203.0.113.5"}, {}));
  const std::string key = contents(directory / "server.key");
  std::filesystem::permissions(directory / "server.key", std::filesystem::perms(0640));
  const Certificate before = first_of(directory / "server.pem");
  Options later = with(Existing::renew);
  later.now += days(700);
  const auto renewed = make_server(directory.path(), {}, later);
  ASSERT_TRUE(renewed) << message(renewed);
  const Certificate after = first_of(directory / "server.pem");
  EXPECT_EQ(contents(directory / "server.key"), key);
  EXPECT_EQ(mode(directory / "server.key"), 0640u) << "whom its owner lets read it is the owner's business";
  EXPECT_EQ(after.dns_names, (Names{"vps.example.net", "mpquic-server"}));
  EXPECT_EQ(after.ip_addresses, before.ip_addresses);
  EXPECT_NE(after.serial, before.serial);
  EXPECT_GT(after.not_after, before.not_after + days(600));
  EXPECT_TRUE(check_pair(directory / "server.pem", directory / "server.key"));
}

TEST(Make, RenewingNeedsAPairThatBelongsTogether) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  EXPECT_EQ(message(make_server(directory.path(), {}, with(Existing::renew))),
            "can't renew: " + (directory / "server.pem").string() + ": No such file or directory");
  ASSERT_TRUE(make_client(directory.path(), "a", {}));
  ASSERT_TRUE(make_client(directory.path(), "b", {}));
  std::filesystem::copy_file(directory / "b.key", directory / "a.key",
                             std::filesystem::copy_options::overwrite_existing);
  const std::string before = contents(directory / "a.pem");
  EXPECT_TRUE(message(make_client(directory.path(), "a", with(Existing::renew)))
                  .ends_with("does not belong to " + (directory / "a.pem").string()));
  EXPECT_EQ(contents(directory / "a.pem"), before);
}

TEST(Make, ARenewedAuthorityKeepsItsName) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "Example", {}));
  ASSERT_TRUE(make_authority(directory.path(), "", with(Existing::renew)));
  EXPECT_EQ(first_of(directory / "ca.pem").common_name, "Example");
  EXPECT_FALSE(make_authority(directory.path(), "Another", with(Existing::renew)));
}

TEST(Make, NothingOutlivesTheAuthority) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", valid_for(100)));
  ASSERT_TRUE(make_server(directory.path(), host, {}));
  EXPECT_EQ(first_of(directory / "server.pem").not_after, first_of(directory / "ca.pem").not_after);
  EXPECT_TRUE(message(make_client(directory.path(), "box1", valid_for(101)))
                  .starts_with("the certificate authority itself ends on "));
  Options too_late;
  too_late.now += days(101);
  EXPECT_TRUE(message(make_client(directory.path(), "box1", too_late))
                  .starts_with((directory / "ca.pem").string() + ": expired on "));
  EXPECT_FALSE(std::filesystem::exists(directory / "box1.key"));
}

TEST(Make, DaysHaveLimits) {
  const TemporaryDirectory directory;
  for (const int count : {-1, 0, 36501}) EXPECT_FALSE(make_authority(directory.path(), "", valid_for(count))) << count;
  EXPECT_TRUE(make_authority(directory.path(), "", valid_for(36500)));
  EXPECT_TRUE(make_server(directory.path(), host, valid_for(1)));
}

TEST(Make, NeedsAnAuthorityToSign) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(message(make_client(directory.path(), "box1", {})).ends_with("ca.pem: No such file or directory"));
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  ASSERT_TRUE(make_client(directory.path(), "box1", {}));
  std::filesystem::rename(directory / "ca.key", directory / "kept.key");
  EXPECT_TRUE(message(make_client(directory.path(), "box2", {})).ends_with("ca.key: No such file or directory"));
  std::filesystem::rename(directory / "box1.pem", directory / "ca.pem");
  std::filesystem::rename(directory / "box1.key", directory / "ca.key");
  EXPECT_TRUE(message(make_client(directory.path(), "box2", {})).ends_with("is not a certificate authority's"));
}

}  // namespace
}  // namespace mpquic::certs

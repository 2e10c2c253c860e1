// SPDX-License-Identifier: Apache-2.0
// Goal: secrets are read from private files only, compared as a whole, and who shows the wrong one
// is told which mistake it is.
#include "runtime/host/daemon/credentials.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

constexpr char kToken[] = "0a1b2c3d.abcdefghijklmnopqrstuvwxyz";

class CredentialsTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_.Path() + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static std::string ErrorOf(const std::string& token_file, const std::string& tls_folder = "") {
    return std::string(LoadCredentials(token_file, tls_folder).status().message());
  }

  const TemporaryFolder folder_;
};

TEST_F(CredentialsTest, ReadsATokenFromAPrivateFile) {
  const auto credentials = LoadCredentials(Write("token", std::string(kToken) + "\n"), "");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->token, kToken);
  EXPECT_FALSE(credentials->HasTls());
}

TEST_F(CredentialsTest, TakesTheTokenOutOfTheEnvironment) {
  setenv(kTokenVariable, kToken, 1);
  EXPECT_EQ(LoadCredentials("", "")->token, kToken);
  EXPECT_EQ(std::getenv(kTokenVariable), nullptr);
  EXPECT_EQ(LoadCredentials("", "")->token, "");
  setenv(kTokenVariable, "of another cluster, without use here", 1);
  EXPECT_EQ(LoadCredentials(Write("token", kToken), "")->token, kToken);
  EXPECT_EQ(std::getenv(kTokenVariable), nullptr);
}

TEST_F(CredentialsTest, SaysWhatIsWrongWithATokenFile) {
  EXPECT_THAT(ErrorOf(folder_.Path() + "/none"), testing::HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf(Write("open", kToken, 0644)), testing::HasSubstr("run: chmod 600"));
  EXPECT_THAT(ErrorOf(Write("short", "abc")), testing::HasSubstr("expected 16 to 512"));
  EXPECT_THAT(ErrorOf(Write("spaces", "a token with spaces in it")),
              testing::HasSubstr("without spaces"));
}

TEST_F(CredentialsTest, SaysWhatIsWrongWithCertificates) {
  EXPECT_THAT(ErrorOf("", folder_.Path()), testing::HasSubstr("authority's certificate"));
  Write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
  Write("node.pem", "nonsense");
  EXPECT_THAT(ErrorOf("", folder_.Path()), testing::HasSubstr("node.pem is no PEM file"));
  Write("node.pem", "-----BEGIN CERTIFICATE-----\n");
  Write("node.key", "-----BEGIN PRIVATE KEY-----\n", 0640);
  EXPECT_THAT(ErrorOf("", folder_.Path()), testing::HasSubstr("run: chmod 600"));
  Write("node.key", "-----BEGIN PRIVATE KEY-----\n");
  EXPECT_TRUE(LoadCredentials("", folder_.Path())->HasTls());
}

TEST_F(CredentialsTest, ComparesWholeSecrets) {
  EXPECT_TRUE(SameSecret("secret", "secret"));
  EXPECT_FALSE(SameSecret("secreT", "secret"));
  EXPECT_FALSE(SameSecret("Secret", "secret"));
  EXPECT_FALSE(SameSecret("secre", "secret"));
  EXPECT_FALSE(SameSecret("secretsecret", "secret"));
  EXPECT_FALSE(SameSecret("", "secret"));
  EXPECT_FALSE(SameSecret("secret", ""));
  EXPECT_TRUE(SameSecret("", ""));
}

TEST_F(CredentialsTest, TellsTheMistakesApart) {
  EXPECT_EQ(Objection(std::nullopt, ""), "");
  EXPECT_EQ(Objection("anything", ""), "");
  EXPECT_EQ(Objection(kToken, kToken), "");
  EXPECT_THAT(Objection(std::nullopt, kToken), testing::HasSubstr("none was shown"));
  EXPECT_THAT(Objection("", kToken), testing::HasSubstr("none was shown"));
  EXPECT_THAT(Objection("0a1b2c3d.wrong", kToken), testing::HasSubstr("the token is wrong"));
  EXPECT_THAT(Objection("without a dot", kToken), testing::HasSubstr("the token is wrong"));
  EXPECT_THAT(Objection("ffffffff.abc", kToken),
              testing::HasSubstr("of another cluster (ffffffff) than this one (0a1b2c3d)"));
  EXPECT_THAT(Objection("ffffffff.abc", kToken),
              testing::Not(testing::HasSubstr("abcdefghijklmnopqrstuvwxyz")));
}

TEST_F(CredentialsTest, KnowsWhatOtherHostsCanReach) {
  EXPECT_TRUE(IsLoopback("127.0.0.1"));
  EXPECT_TRUE(IsLoopback("127.8.8.8"));
  EXPECT_TRUE(IsLoopback("localhost"));
  EXPECT_TRUE(IsLoopback("::1"));
  EXPECT_FALSE(IsLoopback("10.0.0.1"));
  EXPECT_FALSE(IsLoopback("0.0.0.0"));
  EXPECT_FALSE(IsLoopback("head.example"));
}

}  // namespace
}  // namespace mobula::host

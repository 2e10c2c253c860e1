// SPDX-License-Identifier: Apache-2.0
// Goal: the codec and Protocol Buffers' own classes write and read the same bytes, and no input,
// however absurd, does worse than an error.
#include "runtime/wire/codec.h"

#include "runtime/wire/mobula.pb.h"
#include "tests/runtime/wire/random_message.h"

namespace mobula::wire {
namespace {

template <class Visit>
void ForEachRandomEnvelope(int rounds, Visit&& visit) {
  Rng rng(20260101);
  for (int round = 0; round < rounds; ++round) {
    boost::mp11::mp_for_each<boost::mp11::mp_iota_c<std::variant_size_v<Message>>>([&](auto index) {
      Envelope envelope;
      Randomise(rng, envelope.source);
      Randomise(rng, envelope.target);
      Randomise(rng, envelope.message.emplace<index()>());
      visit(envelope);
    });
  }
}

std::string EncodedBytes(const auto& message) {
  std::string bytes;
  Encode(message, bytes);
  return bytes;
}

TEST(Codec, ReadsBackEveryKindOfMessage) {
  ForEachRandomEnvelope(50, [](const Envelope& envelope) {
    const absl::StatusOr<Envelope> decoded = DecodeEnvelope(EncodedBytes(envelope));
    ASSERT_TRUE(decoded.ok()) << decoded.status() << " in " << ToString(envelope);
    ASSERT_EQ(*decoded, envelope) << ToString(envelope) << "\n" << ToString(*decoded);
  });
}

TEST(Codec, AgreesWithTheGeneratedClasses) {
  ForEachRandomEnvelope(20, [](const Envelope& envelope) {
    const std::string bytes = EncodedBytes(envelope);
    protocol::Envelope generated;
    ASSERT_TRUE(generated.ParseFromString(bytes)) << ToString(envelope);
    generated.DiscardUnknownFields();
    const std::string rewritten = generated.SerializeAsString();
    ASSERT_EQ(rewritten.size(), bytes.size()) << ToString(envelope);
    const absl::StatusOr<Envelope> decoded = DecodeEnvelope(rewritten);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, envelope);
  });
}

TEST(Codec, ReadsBackFramesWithAndWithoutEnvelope) {
  link::Frame frame{NodeId{1, 2}, NodeId{3, 4}, 5, 6, std::nullopt};
  EXPECT_EQ(*DecodeFrame(EncodedBytes(frame)), frame);
  frame.envelope = Envelope{{}, {}, TaskBlocked{}};
  EXPECT_EQ(*DecodeFrame(EncodedBytes(frame)), frame);
  EXPECT_EQ(*DecodeFrame(""), link::Frame{});
}

TEST(Codec, GivesZeroAndNotTheInitialValueToFieldsLeftOut) {
  PushTask push;
  TaskHeader& header = push.spec.header.Edit();
  header.max_retries = 0;
  header.num_returns = 0;
  const Envelope envelope{{}, {}, push};
  EXPECT_EQ(*DecodeEnvelope(EncodedBytes(envelope)), envelope);
}

TEST(Codec, AnswersEveryTruncationWithAnErrorOrAnotherMessage) {
  ForEachRandomEnvelope(1, [](const Envelope& envelope) {
    const std::string bytes = EncodedBytes(envelope);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto decoded = DecodeEnvelope(std::string_view(bytes).substr(0, length));
      EXPECT_FALSE(decoded.ok() && *decoded == envelope) << length << " of " << ToString(envelope);
    }
  });
}

TEST(Codec, SurvivesDamagedBytes) {
  Rng rng(7);
  ForEachRandomEnvelope(20, [&](const Envelope& envelope) {
    std::string bytes = EncodedBytes(envelope);
    for (int damage = 0; damage < 20 && !bytes.empty(); ++damage) {
      bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Below(256));
      (void)DecodeEnvelope(bytes);
      (void)DecodeFrame(bytes);
    }
  });
}

TEST(Codec, SkipsFieldsThatItDoesNotKnow) {
  const Envelope envelope{{}, {}, TaskBlocked{WorkerId{1, 2}}};
  const std::string unknown = "\xFA\x01\x03\x61\x62\x63";  // field 31, three bytes
  EXPECT_EQ(*DecodeEnvelope(unknown + EncodedBytes(envelope) + unknown), envelope);
}

TEST(Codec, RefusesWhatDoesNotFit) {
  const auto text = [](std::string_view bytes) {
    return DecodeEnvelope(bytes).status().ToString();
  };
  EXPECT_THAT(text(""), testing::HasSubstr("without a message"));
  EXPECT_THAT(text(std::string_view("\x1A\x00", 2)), testing::HasSubstr("not known"));
  // A length of 4 GiB, an id of three bytes, a number where a message belongs, a zero tag.
  EXPECT_THAT(text("\x0A\xFF\xFF\xFF\xFF\x0F"), testing::HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(text("\x0A\x05\x0A\x03\x61\x62\x63"), testing::HasSubstr("field 1 of Address"));
  EXPECT_THAT(text("\x08\x01"), testing::HasSubstr("field 1 of Envelope"));
  EXPECT_THAT(text(std::string_view("\x00\x00", 2)), testing::HasSubstr("tag"));
  // A tag of eleven bytes, a group, a word that is cut short; all of unknown fields.
  EXPECT_THAT(text(std::string(11, '\xFF')), testing::HasSubstr("tag"));
  EXPECT_THAT(text("\xFB\x01\xFC\x01"), testing::HasSubstr("field 31"));
  EXPECT_THAT(text("\xF9\x01\x61"), testing::HasSubstr("field 31"));
}

TEST(Codec, RefusesUnknownEnumerators) {
  KvRequest request;
  request.operation = static_cast<KvOperation>(99);
  const auto decoded = DecodeEnvelope(EncodedBytes(Envelope{{}, {}, request}));
  EXPECT_THAT(decoded.status().ToString(), testing::HasSubstr("field 2 of KvRequest"));
}

}  // namespace
}  // namespace mobula::wire

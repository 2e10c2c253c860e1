// SPDX-License-Identifier: Apache-2.0
// The judge of key-value pairs: what one order explains is right, and nothing else.
#include "tests/properties/key_book.h"

#include <gmock/gmock.h>

namespace mobula::properties {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeyBookTest : public testing::Test {
 protected:
  struct Asked {
    KeyBook::Ticket ticket;
    Bytes value;
  };
  Asked Ask(KvOperation operation, bool overwrite = true) {
    KvRequest question;
    question.operation = operation;
    question.key = "key";
    question.overwrite = overwrite;
    const KeyBook::Ticket ticket = book_.Asks(question);
    return {ticket, question.value};
  }
  void Answer(const Asked& asked, bool found, const Bytes& value = {}) {
    KvReply reply;
    reply.found = found;
    reply.value = value;
    book_.Answered(asked.ticket, reply);
  }
  Bytes Write(bool found) {
    const Asked write = Ask(KvOperation::kPut);
    Answer(write, found);
    return write.value;
  }

  KeyBook book_;
};

TEST_F(KeyBookTest, TheLastWriteIsRead) {
  const Bytes first = Write(true);
  const Bytes second = Write(false);
  Answer(Ask(KvOperation::kGet), true, second);
  EXPECT_THAT(book_.Problems(), IsEmpty());
  Answer(Ask(KvOperation::kGet), true, first);
  EXPECT_THAT(book_.Problems(), ElementsAre(HasSubstr("wrong key: ")));
}

TEST_F(KeyBookTest, AnAcknowledgedWriteIsNotLost) {
  Write(true);
  Answer(Ask(KvOperation::kGet), false);
  EXPECT_EQ(book_.Problems().size(), 1u);
}

TEST_F(KeyBookTest, WritesAtOnceMayComeInEitherOrder) {
  const Asked first = Ask(KvOperation::kPut);
  const Asked second = Ask(KvOperation::kPut);
  Answer(second, false);
  Answer(first, true);
  Answer(Ask(KvOperation::kGet), true, second.value);
  EXPECT_THAT(book_.Problems(), IsEmpty());
  // That the second found the key says that it came last.
  Answer(Ask(KvOperation::kGet), true, first.value);
  EXPECT_EQ(book_.Problems().size(), 1u);
}

TEST_F(KeyBookTest, AWriteWithoutAnAnswerMayComeLateOrNever) {
  const Bytes first = Write(true);
  const Asked lost = Ask(KvOperation::kPut);
  Answer(Ask(KvOperation::kGet), true, first);
  EXPECT_THAT(book_.Problems(), IsEmpty());
  Answer(Ask(KvOperation::kGet), true, lost.value);
  EXPECT_THAT(book_.Problems(), IsEmpty());
  Answer(Ask(KvOperation::kGet), true, first);
  EXPECT_EQ(book_.Problems().size(), 1u);
}

TEST_F(KeyBookTest, OnlyOneTakesAKey) {
  Answer(Ask(KvOperation::kPut, false), true);
  Answer(Ask(KvOperation::kDelete), true);
  Answer(Ask(KvOperation::kPut, false), true);
  EXPECT_THAT(book_.Problems(), IsEmpty());
  Answer(Ask(KvOperation::kPut, false), true);
  EXPECT_EQ(book_.Problems().size(), 1u);
}

}  // namespace
}  // namespace mobula::properties

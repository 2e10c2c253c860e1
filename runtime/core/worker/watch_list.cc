// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/watch_list.h"

namespace mobula::worker {

void WatchList::Watch(const Address& peer) {
  if (peer.worker.IsNil() || peer == context_.self || IsDead(peer)) return;
  if (!watched_.insert(peer).second) return;
  context_.Tell(Address::Daemon(peer.node), WatchWorker{peer.worker});
}

}  // namespace mobula::worker

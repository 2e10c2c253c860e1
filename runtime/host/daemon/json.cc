// SPDX-License-Identifier: Apache-2.0
// The one translation unit that holds Boost.JSON, which is otherwise used as headers.
#include <boost/json/src.hpp>

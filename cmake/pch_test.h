// SPDX-License-Identifier: Apache-2.0
// Precompiled into every test: what pch_std.h holds, and GoogleTest.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch_std.h"

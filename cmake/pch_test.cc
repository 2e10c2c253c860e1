// SPDX-License-Identifier: Apache-2.0
// Deliberately empty: the target that owns pch_test.h needs one source file.

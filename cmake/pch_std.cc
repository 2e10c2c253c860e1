// SPDX-License-Identifier: Apache-2.0
// Deliberately empty: the target that owns pch_std.h needs one source file.

# SPDX-License-Identifier: Apache-2.0
"""Clusters that outlive the program which starts them: the commands of an operator."""

# SPDX-License-Identifier: Apache-2.0
"""Where Ray's own tests look for their helpers; nothing of mobula's inside is here."""

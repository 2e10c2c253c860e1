# SPDX-License-Identifier: Apache-2.0
"""The program that calls the function given to mobula.sim.run."""

import pickle
import sys

with open(sys.argv.pop(1), "rb") as file:
    function = pickle.load(file)
function()

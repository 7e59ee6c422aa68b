"""Results that others have published on MNIST: accuracy, widths, weights removed, in percent.

With their own settings. The paper is arXiv 2110.05954; BC-GNJ and BC-GHS are Bayesian compression,
L0 is L0 regularisation, VIB the variational information bottleneck.
"""

MLP = (
    ("paper, SNN", "98.41 +- .02", "456-134-45", "74.61"),
    ("paper, SNN-SL", "98.37 +- .03", "756-287-92", "8.23"),
    ("paper, dense", "98.36", "", "0"),
    ("BC-GNJ", "98.20", "278-98-13", "89.24"),
    ("BC-GHS", "98.20", "311-86-14", "89.45"),
    ("L0", "98.20", "266-88-33", "90.06"),
    ("VIB", "98.4", "", "96.4"),
)
LENET5 = (
    ("paper, SNN", "99.27 +- .04", "12-37-268-192", "84.95"),
    ("paper, dense", "99.20", "", "0"),
    ("BC-GNJ", "99.00", "8-13-88-13", "99.05"),
    ("BC-GHS", "99.00", "5-10-76-16", "99.36"),
    ("L0", "99.00", "9-18-65-25", "98.57"),
)

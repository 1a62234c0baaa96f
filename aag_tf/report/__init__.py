"""Reports to look at: one HTML file each, without network or script, for every screen and for screen readers."""

from aag_tf.report.comparison import write_comparison
from aag_tf.report.material import Material
from aag_tf.report.page import check_page_path
from aag_tf.report.report import Content, report_page, write_report

__all__ = ["Content", "Material", "check_page_path", "report_page", "write_comparison", "write_report"]

from .exported import SavedEncoder as SavedEncoder
from .exported import load_saved_model as load_saved_model
from .run import TrainedRun as TrainedRun
from .run import load_run as load_run
from .run_directory import RunDirectory as RunDirectory
from .run_record import RunRecord as RunRecord

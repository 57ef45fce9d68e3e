from .python_file import (
    file_name as file_name,
    generate as generate,
    training_step as training_step,
)
from .shell_command import command_line as command_line
from .torchvision import torchvision_lines as torchvision_lines

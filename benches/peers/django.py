# Puts COUNT messages of about BYTES bytes into the queue of django-post-office and sends them to PORT of loopback; prints
# the seconds. The queue is an SQLite database in this directory.
import os
import sys
import time

port, processes, threads, count, size = map(int, sys.argv[1:])

import django
from django.conf import settings

here = os.getcwd()
settings.configure(
    INSTALLED_APPS=['django.contrib.contenttypes', 'post_office'],
    DATABASES={'default': {
        'ENGINE': 'django.db.backends.sqlite3', 'NAME': f'{here}/{port}-{processes}.db', 'OPTIONS': {'timeout': 60},
    }},
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
    EMAIL_BACKEND='post_office.EmailBackend',
    EMAIL_HOST='127.0.0.1',
    EMAIL_PORT=port,
    POST_OFFICE={'BATCH_SIZE': 1000, 'THREADS_PER_PROCESS': threads, 'BATCH_DELIVERY_TIMEOUT': 600},
    TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates'}],
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from post_office import mail
from post_office.models import STATUS, Email

call_command('migrate', verbosity=0)
line = 'All virtual machines in the region keep running while we do this.\n'
text = line * max(1, (size - 1000) // 2 // len(line))
began = time.monotonic()
mail.send_many([
    {
        'recipients': [f'person{index}@mail{index % 5000}.example'], 'sender': 'notices@example.com',
        'subject': 'Maintenance', 'message': text, 'html_message': f'<p>{text}</p>',
    }
    for index in range(count)
])
call_command('send_queued_mail', processes=processes, lockfile=f'{here}/lock', log_level=0)
seconds = time.monotonic() - began
assert Email.objects.filter(status=STATUS.sent).count() == count
print(seconds)

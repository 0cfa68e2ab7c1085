// Sends COUNT messages of about BYTES bytes through a pool of CONNECTIONS connections to PORT of loopback; prints the seconds.
const [port, connections, count, bytes] = process.argv.slice(2).map(Number);
const line = 'All virtual machines in the region keep running while we do this.\n';
const text = line.repeat(Math.max(1, Math.floor((bytes - 1000) / 2 / line.length)));
const transporter = require('nodemailer').createTransport({
  host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true, maxConnections: connections, maxMessages: Infinity,
});
const began = process.hrtime.bigint();
let left = count;
for (let index = 0; index < count; index += 1) {
  const message = {
    from: 'Example Cloud <notices@example.com>',
    to: `person${index}@mail${index % 5000}.example`,
    subject: 'Maintenance',
    text,
    html: `<p>${text}</p>`,
  };
  transporter.sendMail(message, (error) => {
    if (error) throw error;
    left -= 1;
    if (left > 0) return;
    console.log(Number(process.hrtime.bigint() - began) / 1e9);
    transporter.close();
  });
}
